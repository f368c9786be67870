#!/usr/bin/env python3
"""Turns the reports of scripts/results/full_size.sh into docs/results/full_size.md and .json.

  python3 scripts/results/full_size_table.py REPORTS docs/results/full_size
"""
import json
import pathlib
import sys

from page import write_page

RUNS = {  # report: title
    "1_3b": "1.3B, 832x480, 81 frames, parts one after the other",
    "1_3b_resident": "1.3B, 832x480, 81 frames, all parts resident",
    "14b": "14B, 1280x720, 81 frames, parts one after the other",
    "vae_720p": "autoencoder alone, 1280x720, 81 frames, fp32, streamed",
    "vae_720p_bf16": "autoencoder alone, 1280x720, 81 frames, bf16, streamed",
    "vae_720p_tiled": "autoencoder alone, 1280x720, 81 frames, fp32, tiles of 256x256",
}
COMMAND = "scripts/results/full_size.sh WEIGHTS REPORTS {}"

INTRO = """# Full size: seconds and memory of every part

Random weights (`lintorch-inspect random`), bf16 transformer and text encoder (UMT5-XXL, 512 tokens), through
`lintorch-generate`; guidance on, so every step is two forwards in one batch. Peak memory is what the device allocator held
at most during the part. Made by `scripts/results/full_size.sh`; the same numbers as data: `full_size.json`.

Weights are random, so pictures mean nothing; times and memory do not depend on their values. The video file is a GIF,
written by the CPU, because that machine has no FFmpeg: its time is not that of an mp4. Two or four steps instead of 50: every step costs the same.
"""


def summary(reports):
    """What users ask first, from the same reports."""
    read = lambda run: json.loads((pathlib.Path(reports) / f"{run}.json").read_text())
    gib = lambda run: read(run)["peak_bytes"] / 2**30
    return f"""
- 1.3B at 480p needs {gib("1_3b"):.1f} GiB when the parts take turns (`--offload sequential`, the default), {gib("1_3b_resident"):.1f} GiB
  when all are resident: a 24 GB card is enough.
- 14B at 720p needs {gib("14b"):.1f} GiB, in its transformer.
- The autoencoder needs {gib("vae_720p"):.1f} GiB for 81 frames of 720p in fp32, {gib("vae_720p_bf16"):.1f} in bf16 (`--vae-dtype bf16`), {gib("vae_720p_tiled"):.1f} in
  tiles (`--tiled-decode true`; taken without asking where the memory that is free would not do).
"""


def main(reports, target):
    rows, text = [], INTRO + summary(reports)
    for run, title in RUNS.items():
        path = pathlib.Path(reports, run + ".json")
        if not path.exists():
            continue
        report = json.loads(path.read_text())
        parameters = report["parameters"]
        steps = parameters["steps"]
        sampled = not parameters["latents"]
        text += f"\n## {title}\n\n{report['device']}, {report['date']}, commit {report['commit']}"
        text += f"; {steps} steps.\n" if sampled else ".\n"
        text += "\n| part | seconds | peak GiB |\n|---|---|---|\n"
        stages = report["stages"] + [dict(stage="all", seconds=report["seconds"], peak_bytes=report["peak_bytes"])]
        for stage in stages:
            name = stage["stage"]
            if name == "transformer":
                name += f" ({stage['seconds'] / steps:.2f} s a step)"
            text += f"| {name} | {stage['seconds']:.2f} | {stage['peak_bytes'] / 2**30:.2f} |\n"
            for metric, value, unit in (("time", stage["seconds"], "s"), ("peak memory", stage["peak_bytes"], "B")):
                rows.append(dict(table=title, row=stage["stage"], metric=metric, mean=value, std=0, n=1, unit=unit,
                                 hardware=report["device"], commit=report["commit"], date=report["date"],
                                 command=COMMAND.format(run), steps=steps if sampled else 0))
    write_page(pathlib.Path(target), text, rows)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
