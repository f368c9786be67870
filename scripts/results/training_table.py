#!/usr/bin/env python3
"""Turns the reports of scripts/results/training.py and distill_steps.py into a page of docs/results and its JSON twin.

  python3 scripts/results/training_table.py docs/results/training_h200 REPORT... [--notes FILE]

--notes: markdown put after the introduction.
"""
import argparse
import json
import pathlib

from page import add_notes, opening, write_page

INTRO = """# Training at full size

Random weights, batch 1, bf16 products with fp32 master weights, activation checkpointing, the teacher in bf16. Made by
`scripts/results/training.py` and `distill_steps.py`; the same numbers as data, with their commands: `{twin}`. Medians; +- is the
standard deviation of single steps. Parts are device time from the run's own log; teacher and score are within the forward. "Transfer":
all gates between 0 and 1, both branches of every layer evaluated; "final": the layers chosen. Peak memory is the allocator's
since the start of the run.
"""


def cell(value, digits=2, spread=False):
    if value is None:
        return "-"
    return f"{value['mean']:.{digits}f}" + (f" +- {value['std']:.{digits}f}" if spread and value["std"] else "")


def section(title, rows):
    table, metrics = {}, []
    for row in rows:
        table.setdefault(row["row"], {})[row["metric"]] = row
        if row["metric"] not in metrics:
            metrics.append(row["metric"])
    units = {row["metric"]: row["unit"] for row in rows}
    runs = dict.fromkeys(f"{row['hardware']}, {row['date']}, commit {row['commit']}" for row in rows)
    text = f"\n## {title[0].upper()}{title[1:]}\n\n{'; '.join(runs)}.\n\n"
    text += "| | " + " | ".join(f"{metric}, {units[metric]}" for metric in metrics) + " |\n|" + "---|" * (len(metrics) + 1) + "\n"
    for name, values in table.items():
        text += f"| {name} | " + " | ".join(cell(values.get(metric), 1 if units[metric] == "GB" else 2, metric == "step")
                                            for metric in metrics) + " |\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("reports", type=pathlib.Path, nargs="+")
    add_notes(parser)
    args = parser.parse_args()
    rows = [row for report in args.reports for row in json.loads(report.read_text())]
    by_table = {}
    for row in rows:
        by_table.setdefault(row["table"], []).append(row)
    text = opening(INTRO.format(twin=args.target.name + ".json"), args.notes)
    for title, part in by_table.items():
        text += section(title, part)
    write_page(args.target, text, rows)


if __name__ == "__main__":
    main()
