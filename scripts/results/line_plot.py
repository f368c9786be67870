"""Line plots as SVG text, without a plotting library."""
import math

COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#7f7f7f", "#17becf", "#bcbd22")
PLOT, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 400, 420, 70, 30, 170, 50
LETTER = 6.5  # pixels, about


def nice_step(span):
    """1, 2 or 5 times a power of ten that divides a span into four to ten parts."""
    power = 10 ** math.floor(math.log10(span / 4)) if span > 0 else 1
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 10)


class Axis:
    """Values to pixels, and the ticks; from `begin` to `end` pixels. ticks: of a logarithmic axis, instead of powers of ten."""

    def __init__(self, values, begin, end, log, ticks=None):
        low, high = min(values), max(values)
        if log:
            low, high = (min(ticks), max(ticks)) if ticks else (10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)))
            self.ticks = ticks or [10.0**p for p in range(round(math.log10(low)), round(math.log10(high)) + 1)]
        else:
            step = nice_step((high - low) or 1)
            low, high = math.floor(low / step) * step, math.ceil(high / step) * step
            if low == high:
                high = low + step
            self.ticks = [low + i * step for i in range(round((high - low) / step) + 1)]
        scale = math.log if log else float
        self.at = lambda value: begin + (end - begin) * (scale(value) - scale(low)) / (scale(high) - scale(low))


def line_svg(curves, x_title, y_title, title="", log=False, log_y=False, dashed=()):
    """Curves {name: {x: y}}; log: both axes; `dashed` names those drawn dashed, e.g. a reference."""
    names = [name + (" (dotted)" if number >= len(COLORS) else "") for number, name in enumerate(curves)]
    xs = sorted({x for curve in curves.values() for x in curve})
    end, legend = LEFT + PLOT, max(RIGHT, 20 + LETTER * max(map(len, names)))
    x_axis = Axis(xs, LEFT, end, log, xs if log else None)
    y_axis = Axis([y for curve in curves.values() for y in curve.values()], HEIGHT - BOTTOM, TOP, log or log_y)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {end + legend:g} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{end + legend:g}" height="{HEIGHT}" fill="white"/>',
             f'<text x="{LEFT}" y="18" font-weight="bold">{title}</text>']
    for x in x_axis.ticks:
        at = x_axis.at(x)
        parts.append(f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                     f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:g}</text>')
    for y in y_axis.ticks:
        at = y_axis.at(y)
        parts.append(f'<line x1="{LEFT}" y1="{at:.1f}" x2="{end}" y2="{at:.1f}" stroke="#ddd"/>'
                     f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{y:.6g}</text>')
    for number, (name, curve) in enumerate(curves.items()):
        color = COLORS[number % len(COLORS)]
        points = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in sorted(curve.items()))
        again = number >= len(COLORS)  # the colours begin anew: dotted
        dash = ' stroke-dasharray="6 4"' if name in dashed else ' stroke-dasharray="2 3"' if again else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>'
                     f'<text x="{end + 10}" y="{TOP + 16 + 18 * number}" fill="{color}">{names[number]}</text>')
    parts.append(f'<text x="{LEFT + PLOT / 2}" y="{HEIGHT - 12}" text-anchor="middle">{x_title}</text>'
                 f'<text transform="translate(16,{HEIGHT / 2}) rotate(-90)" text-anchor="middle">{y_title}</text></svg>')
    return "\n".join(parts) + "\n"
