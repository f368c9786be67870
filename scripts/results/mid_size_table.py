#!/usr/bin/env python3
"""Turns what scripts/results/mid_size.sh left in runs/mid_wan into a page of docs/results, its JSON twin and a plot.

  python3 scripts/results/mid_size_table.py runs/mid_wan docs/results/mid_size_h200 [--notes FILE]

--notes: markdown put after the introduction.
"""
import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "study"))
from line_plot import line_svg  # noqa: E402
from page import add_notes, opening, write_page  # noqa: E402
from run import read_metrics  # noqa: E402
from tables import mean_cell, values_of  # noqa: E402

INTRO = """# A model of middle size: linearization at scale

113 M parameters, heads of 128, 4,320 tokens (configs/mid_wan), trained as teacher for {pretrain_steps} steps and linearized in {steps} through the path of
the large models: bf16 products with fp32 master weights, activation checkpointing, the teacher in bf16. {hardware}, {date}, commit {commit}:

    scripts/results/mid_size.sh
    python3 scripts/results/mid_size_table.py runs/mid_wan {target} --notes docs/results/notes/mid_size.md

The same numbers as data: `{name}.json`.
"""
EVAL = {"psnr_to_teacher": ("PSNR to the teacher, dB", 2), "ssim_to_teacher": ("SSIM", 3), "temporal_flicker": ("flicker", 4),
        "time_per_step": ("ms a step", 1)}
HELD_OUT = {"held_out/velocity_mse": "velocity MSE, held-out states", "held_out/guidance_ratio": "guidance ratio", "loss/mse": "velocity MSE, training",
            "loss/features": "hidden states, relative error"}


def eval_table(report):
    text = "\n## Before and after\n\n| | layers | " + " | ".join(title for title, _ in EVAL.values()) + " |\n|" + "---|" * (len(EVAL) + 2) + "\n"
    for model in report["models"]:
        metrics = {row["metric"]: row for row in report["rows"] if row["row"] == model["name"]}
        layers = "".join(kind[0].upper() for kind in model["attention"])
        cells = [mean_cell(values_of([dict(metrics=metrics)], key), digits) for key, (_, digits) in EVAL.items()]
        text += f"| {model['name']} | {layers} | " + " | ".join(cells) + " |\n"
    return text


def log_table(lines):
    """About eight of the log points that have held-out values, the first and the last with them."""
    points = [line for line in lines if "held_out/velocity_mse" in line]
    points = points[::max(1, len(points) // 8)] + ([points[-1]] if (len(points) - 1) % max(1, len(points) // 8) else [])
    text = "\n## Training\n\n| step | linear layers | " + " | ".join(HELD_OUT.values()) + " |\n|" + "---|" * (len(HELD_OUT) + 2) + "\n"
    for line in points:
        text += f"| {line['step']} | {line['num_linear']:.0f} | " + " | ".join(f"{line[key]:.4f}" for key in HELD_OUT) + " |\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    add_notes(parser)
    args = parser.parse_args()
    report = json.loads((args.run / "eval" / "report.json").read_text())
    lines = read_metrics(args.run / "linearize")
    teacher = read_metrics(args.run / "pretrain" / "training" / "dit")
    first = report["rows"][0]
    origin = {key: first[key] for key in ("hardware", "commit", "date")}
    intro = INTRO.format(pretrain_steps=teacher[-1]["step"], steps=lines[-1]["step"], target=args.target, name=args.target.name, **origin)
    text = opening(intro, args.notes) + eval_table(report) + log_table(lines)
    curves = {title: {line["step"]: line[key] for line in lines if line.get(key)} for key, title in HELD_OUT.items() if "ratio" not in key}
    args.target.with_suffix(".svg").write_text(line_svg(curves, "step", "error", log_y=True))
    text += f"\n![errors over the steps]({args.target.name}.svg)\n"
    command = "scripts/results/mid_size.sh"
    rows = [dict(table="mid size, evaluation", row=row["row"], metric=row["metric"], mean=row["mean"], std=0, ci95=row["ci95"], n=row["n"],
                 unit=row["unit"], command=command, **origin) for row in report["rows"]]
    for line in lines:
        rows += [dict(table="mid size, training", row=f"step {line['step']}", metric=key, mean=line[key], std=0, n=1, unit="", command=command,
                      **origin) for key in HELD_OUT if key in line and "held_out/velocity_mse" in line]
    write_page(args.target, text, rows)


if __name__ == "__main__":
    main()
