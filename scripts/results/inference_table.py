#!/usr/bin/env python3
"""Turns the reports of scripts/results/inference.sh into docs/results/inference_h100.md and .json.

  python3 scripts/results/inference_table.py REPORTS docs/results/inference_h100
"""
import json
import pathlib
import sys

INTRO = """# Inference on one GPU

Made by `scripts/results/inference.sh`; the same numbers as data, with their commands: `inference_h100.json`. Random inputs and
weights, medians of device events; +- is the standard deviation of single calls.

A commit that ends in -dirty is the working tree that became db7c8c5.

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


def forward_section(title, rows):
    table = by_row(rows)
    baseline = max((m["time"]["mean"] for n, m in table.items() if n.startswith("diffusers compiled")), default=None)
    text = f"\n## One forward of the transformer: {title}\n\n{provenance(rows[0])}; bf16, one sample, 512 text tokens.\n\n"
    text += "| | ms | +- | peak GiB | against Diffusers, compiled, cuDNN |\n|---|---|---|---|---|\n"
    for name, metrics in table.items():
        time = metrics["time"]
        ratio = f"{baseline / time['mean']:.2f}x" if baseline else "-"
        text += f"| {name} | {time['mean']:.1f} | {time['std']:.1f} | {metrics['peak memory']['mean'] / 2**30:.2f} | {ratio} |\n"
    commands = sorted({row["command"] for row in rows})
    return text + "\n" + "\n".join(f"    {command}" for command in commands) + "\n"


def main(reports, target):
    reports = pathlib.Path(reports)
    read = lambda name: json.loads((reports / name).read_text()) if (reports / name).exists() else []
    text, rows = INTRO, read("op.json")
    if rows:
        text += op_section(rows)
    for size, title in (("1_3b", "1.3B, 832x480, 81 frames"), ("14b", "14B, 1280x720, 81 frames")):
        forward = read(f"diffusers_{size}.json") + read(f"forward_{size}.json")
        if forward:
            text += forward_section(title, forward)
        rows += forward
    pathlib.Path(target + ".md").write_text(text)
    pathlib.Path(target + ".json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
