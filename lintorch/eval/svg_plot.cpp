#include "lintorch/eval/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lintorch::eval {

namespace {

constexpr double kWidth = 720, kHeight = 320, kLeft = 56, kRight = 130, kTop = 34, kBottom = 44;

struct Range {
  double low, high;
  double fraction(double value) const { return (value - low) / (high - low); }
};

Range range_of(const std::vector<PlotSeries>& series, bool of_x) {
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const auto& line : series)
    for (const double value : of_x ? line.x : line.y) {
      if (!std::isfinite(value)) continue;
      range.low = std::min(range.low, value);
      range.high = std::max(range.high, value);
    }
  if (!(range.low <= range.high)) return {0, 1};
  if (range.low == range.high) range.high = range.low + 1;
  return range;
}

/// Multiples of 1, 2 or 5 times a power of ten inside the range, three to seven of them.
std::vector<double> round_ticks(const Range& range) {
  const double least = (range.high - range.low) / 6;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  double step = 10 * power;
  for (const double factor : {1, 2, 5})
    if (factor * power >= least) {
      step = factor * power;
      break;
    }
  std::vector<double> ticks;
  for (double i = std::ceil(range.low / step); i * step <= range.high; ++i) ticks.push_back(i * step);
  return ticks;
}

/// Evenly spread hues, the same for the same index and count.
std::string colour(size_t index, size_t count) {
  return fmt::format("hsl({:.0f},70%,42%)",
                     360.0 * static_cast<double>(index) / static_cast<double>(std::max<size_t>(count, 1)));
}

}  // namespace

std::string escape_html(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string svg_line_plot(const std::vector<PlotSeries>& series, const PlotOptions& options) {
  const Range x_range = range_of(series, true);
  const Range y_range = options.fit_y ? range_of(series, false) : Range{options.y_min, options.y_max};
  const double plot_width = kWidth - kLeft - kRight;
  const double plot_height = kHeight - kTop - kBottom;
  const auto x_pixel = [&](double x) { return kLeft + plot_width * x_range.fraction(x); };
  const auto y_pixel = [&](double y) { return kTop + plot_height * (1 - y_range.fraction(y)); };

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"11\">\n<text x=\"{2}\" y=\"18\" font-size=\"13\">{3}</text>\n",
      kWidth, kHeight, kLeft, escape_html(options.title));
  for (int i = 0; i <= 4; ++i) {
    const double y = y_range.low + (y_range.high - y_range.low) * i / 4;
    svg += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n", kLeft,
                       y_pixel(y), kLeft + plot_width, y_pixel(y));
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.3g}</text>\n", kLeft - 6, y_pixel(y) + 4,
                       y);
  }
  for (const double x : round_ticks(x_range))
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.6g}</text>\n", x_pixel(x),
                       kTop + plot_height + 16, x);
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", kLeft + plot_width / 2,
                     kHeight - 8, escape_html(options.x_label));
  svg += fmt::format("<text transform=\"translate(14,{:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                     kTop + plot_height / 2, escape_html(options.y_label));
  for (size_t s = 0; s < series.size(); ++s) {
    std::string points;
    for (size_t i = 0; i < series[s].x.size(); ++i)
      if (std::isfinite(series[s].y[i]))
        points += fmt::format("{:.1f},{:.1f} ", x_pixel(series[s].x[i]), y_pixel(series[s].y[i]));
    svg += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" points=\"{}\"/>\n",
                       colour(s, series.size()), points);
    const double row = kTop + 6 + 15 * static_cast<double>(s);
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"3\" fill=\"{}\"/><text x=\"{:.1f}\" "
        "y=\"{:.1f}\">{}</text>\n",
        kWidth - kRight + 12, row, colour(s, series.size()), kWidth - kRight + 30, row + 6,
        escape_html(series[s].label));
  }
  return svg + "</svg>\n";
}

}  // namespace lintorch::eval
