#!/usr/bin/env python3
"""Turns the reports of scripts/results/inference.sh into docs/results/inference_h100.md and .json.

  python3 scripts/results/inference_table.py REPORTS docs/results/inference_h100 [--notes FILE]

Reports are found by how their names begin, so that a run may be split over several (forward_14b_a.json, forward_14b_b.json).
--notes: markdown put after the introduction.
"""
import argparse
import json
import pathlib

from line_plot import line_svg
from page import add_notes, opening, write_page

INTRO = """# Inference on one GPU

Made by `scripts/results/inference.sh`; the same numbers as data, with their commands: `{twin}`. Random inputs and
weights, medians of device events; +- is the standard deviation of single calls.

The floor of a memory-bound operation is its least traffic at the bandwidth of a large copy on the same card in the same run.
"""


def by_row(rows):
    result = {}
    for row in rows:
        result.setdefault(row["row"], {})[row["metric"]] = row
    return result


def provenance(row):
    return f"{row['hardware']}, {row['date']}, commit {row['commit']}"


def op_section(rows):
    table = by_row(rows)
    copy = table.pop("copy")["bandwidth"]["mean"]
    text = f"\n## Operations\n\n{provenance(rows[0])}. Copy: {copy * 1e-9:.0f} GB/s. `{rows[0]['command']}`\n\n"
    text += "| operation | pass | size | kernel ms | +- | share of copy bandwidth | LibTorch's operators ms | speed-up |\n"
    text += "|---|---|---|---|---|---|---|---|\n"
    for name, metrics in table.items():
        op, direction, size = name.split(" ")
        kernel, composed = metrics["kernel time"], metrics["composition time"]
        share = metrics["least traffic"]["mean"] / (kernel["mean"] * 1e-3) / copy
        text += (f"| {op} | {direction} | {size} | {kernel['mean']:.3f} | {kernel['std']:.3f} | {100 * share:.0f} % "
                 f"| {composed['mean']:.3f} | {composed['mean'] / kernel['mean']:.2f}x |\n")
    return text


def error_cell(metrics):
    """Relative error of the velocity, of rows that round more than bf16 does."""
    error = metrics.get("error", {"mean": 0})["mean"]
    return f"{error:.3f}" if error else "-"


def forward_section(title, rows):
    table = by_row(rows)
    baseline = max((m["time"]["mean"] for n, m in table.items() if n.startswith("diffusers compiled")), default=None)
    text = f"\n## One forward of the transformer: {title}\n\n{provenance(rows[-1])}; bf16, one sample, 512 text tokens.\n\n"
    text += ("| | ms | +- | peak GiB | against Diffusers, compiled, cuDNN | error against bf16 |\n"
             "|---|---|---|---|---|---|\n")
    for name, metrics in table.items():
        time = metrics["time"]
        ratio = f"{baseline / time['mean']:.2f}x" if baseline else "-"
        text += (f"| {name} | {time['mean']:.1f} | {time['std']:.1f} | {metrics['peak memory']['mean'] / 2**30:.2f} | {ratio} "
                 f"| {error_cell(metrics)} |\n")
    commands = sorted({row["command"] for row in rows})
    return text + "\n" + "\n".join(f"    {command}" for command in commands) + "\n"


def block_section(title, rows):
    text = f"\n## One block: {title}\n\n{provenance(rows[0])}; bf16, random weights. Training: forward and backward. `{rows[0]['command']}`\n\n"
    text += "| attention | inference ms | +- | training ms | +- | peak GiB in training |\n|---|---|---|---|---|---|\n"
    for name, metrics in by_row(rows).items():
        inference, training = metrics["inference time"], metrics["training time"]
        text += (f"| {name} | {inference['mean']:.2f} | {inference['std']:.2f} | {training['mean']:.2f} | {training['std']:.2f} "
                 f"| {metrics['training peak memory']['mean'] / 2**30:.2f} |\n")
    return text


def residual_section(title, rows):
    return forward_section(title + ", residual stream in fp32 and in bf16", rows)


def generate_section(title, rows):
    run = rows[0]["table"].removeprefix("generate ")
    made = "; ".join(dict.fromkeys(f"{provenance(row)}, `{row['command']}`" for row in rows))
    text = f"\n## A whole generation: {title}\n\nAll parts resident: {run}. {made}\n\n"
    stages = ["text encoder", "transformer", "autoencoder", "video file"]
    text += "| | " + " | ".join(f"{stage} s" for stage in stages) + " | all s | peak GiB |\n|" + "---|" * 7 + "\n"
    for name, metrics in sorted(by_row(rows).items(), key=lambda item: int(item[0].split()[0])):  # "16 linear"
        text += (f"| {name} | " + " | ".join(f"{metrics[stage + ' time']['mean']:.2f}" for stage in stages)
                 + f" | {metrics['time']['mean']:.2f} | {metrics['peak memory']['mean'] / 2**30:.1f} |\n")
    return text


def scaling_section(points, plot):
    """points: frames -> rows of lintorch-bench forward."""
    some = next(iter(points.values()))[0]
    curves = {}
    for frames, rows in points.items():
        for name, metrics in by_row(rows).items():
            curves.setdefault(name.split(",")[0], {})[frames] = metrics["time"]["mean"]
    text = f"\n## Time against the number of frames: 1.3B, 832x480\n\n{provenance(some)}; milliseconds of one forward.\n\n"
    text += f"![time of a forward against frames]({plot})\n\n| frames | " + " | ".join(curves) + " |\n|" + "---|" * (1 + len(curves)) + "\n"
    for frames in points:
        text += f"| {frames} | " + " | ".join(f"{curve[frames]:.0f}" if frames in curve else "-" for curve in curves.values()) + " |\n"
    return text, curves


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    add_notes(parser)
    args = parser.parse_args()
    target = args.target

    def read(name):
        return [row for path in sorted(args.reports.glob(f"{name}*.json")) for row in json.loads(path.read_text())]

    text, rows = opening(INTRO.format(twin=target.name + ".json"), args.notes), read("op")
    if rows:
        text += op_section(rows)
    for size, title in (("1_3b", "1.3B, 832x480, 81 frames"), ("14b", "14B, 1280x720, 81 frames")):
        for section, parts in ((block_section, ["block"]), (forward_section, ["diffusers", "forward"]),
                               (residual_section, ["residual"]), (generate_section, ["generate"]), (generate_section, ["four_steps"])):
            found = [row for part in parts for row in read(f"{part}_{size}")]
            # A generation is told apart by its table's name too: steps, FP8.
            tables = {row["table"] for row in found} if section is generate_section else {None}
            for table in sorted(tables, key=str):
                own = [row for row in found if table in (None, row["table"])]
                if own:
                    text += section(title, own)
            rows += found
    points = {frames: read(f"scaling_1_3b_{frames}") for frames in (21, 41, 81, 161, 321, 641)}
    points = {frames: found for frames, found in points.items() if found}
    if points:
        section, curves = scaling_section(points, target.name + ".svg")
        text += section
        rows += [row for found in points.values() for row in found]
        target.with_suffix(".svg").write_text(line_svg(curves, "frames", "ms a forward", log=True))
    write_page(target, text, rows)


if __name__ == "__main__":
    main()
