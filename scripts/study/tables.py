#!/usr/bin/env python3
"""Turns the results of scripts/study/run.py into docs/results/method.md and .json.

  scripts/study/tables.py --target docs/results/method --runs docs/results/method/runs.jsonl [--results runs/study/results]
      [--notes docs/results/notes/method.md]

--runs: the results of every run so far, one a line; those of --results are added to it, so that a study can be measured in parts,
on machines that are gone afterwards.
Every row is the mean over its seeds, +- the standard deviation between seeds (with one seed: the 95 % half-width over the
prompts, in brackets). --notes: markdown put after the introduction.
"""
import argparse
import json
import pathlib
import re
import statistics
import sys

sys.path += [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "results")]
from line_plot import line_svg  # noqa: E402
from page import add_notes, opening, write_page  # noqa: E402
from run import ROOT, read_results, read_study, run_key  # noqa: E402

METRICS = {
    "class_accuracy": ("class %", 1),
    "direction_accuracy": ("direction %", 1),
    "frechet_distance": ("Fréchet", 3),
    "ssim_to_teacher": ("SSIM to the teacher", 3),
    "temporal_flicker": ("flicker", 4),
}

INTRO = """# The study of the method

The miniature of `configs/tiny_wan` (8 layers, 540 tokens), trained and evaluated on one GPU ({hardware}, until {date}, commits row by row in `method.json`) by

    scripts/study/run.py --work runs/study --results runs/study/results
    scripts/study/tables.py --results runs/study/results --target docs/results/method --runs docs/results/method/runs.jsonl \\
        --notes docs/results/notes/method.md

with `configs/tiny_wan/study.json`. {prompts} held-out prompts, {steps} sampler steps with guidance, every model from the same
noise. Fréchet: distance of the judge's features from those of real clips, so the teacher's own value is the yardstick. +- is
the standard deviation between seeds; in brackets, where there is one seed, the 95 % half-width over the prompts. Training
time is wall clock with several runs on the card at once. Guidance ratio: `held_out/guidance_ratio` of the training log. The same numbers as data: `method.json`.
"""


def values_of(results, metric):
    """The values of a metric in those results that have it."""
    return [result["metrics"][metric] for result in results if metric in result["metrics"]]


def mean_cell(values, digits):
    """Mean of the seeds' values, +- their standard deviation; of one seed, its half-width in brackets; of none, a dash."""
    if not values:
        return "-"
    mean = statistics.mean(value["mean"] for value in values)
    if len(values) > 1:
        return f"{mean:.{digits}f} +- {statistics.stdev(value['mean'] for value in values):.{digits}f}"
    spread = values[0]["ci95"]
    return f"{mean:.{digits}f}" + (f" ({spread:.{digits}f})" if spread else "")


def cell(metric, results):
    return mean_cell(values_of(results, metric), METRICS[metric][1])


def guidance_ratio(results):
    """Mean of how much of the teacher's guidance the models have, where their training measured it."""
    values = [result["train"].get("last_metrics", {}).get("held_out/guidance_ratio") for result in results]
    values = [value for value in values if value is not None]
    return f"{statistics.mean(values):.2f}" if values else "-"


def table_rows(study, name, results):
    spec = study["tables"][name]
    for row, own in spec["rows"].items():
        found = []
        for seed in range(1, 100):
            key = run_key({**study["train"], **spec.get("train", {}), **own, "linearize.seed": seed})
            if key in results:
                found.append(results[key])
        yield row, found


def data_row(table, row, metric, values, origin, command, **more):
    """One entry of a page's JSON twin from the seeds' values; hardware, commit and date are those of `origin`, a result."""
    means = [value["mean"] for value in values]
    return dict(table=table, row=row, metric=metric, mean=statistics.mean(means),
                std=statistics.stdev(means) if len(means) > 1 else 0, n=len(means), unit=values[0]["unit"], **more,
                hardware=origin["hardware"], commit=origin["commit"], date=origin["date"], command=command)


def seed_row(table, row, metric, values, found, command):
    """The same with every seed's number and half-width."""
    return data_row(table, row, metric, values, found[0], command, ci95=[value["ci95"] for value in values],
                    seeds=[result["seed"] for result in found])


def extra_tables(name, rows, data):
    """The further evaluations of a table's models, each beside the teacher in the same evaluation."""
    text = ""
    for title in sorted({title for _, found in rows for result in found for title in result.get("extra", {})}):
        text += f"\n### {name[0].upper() + name[1:]}, {title}\n\n| | seeds | " + " | ".join(t for t, _ in METRICS.values()) + " |\n|"
        text += "---|" * (len(METRICS) + 2) + "\n"
        for number, (row, found) in enumerate(rows):
            results = [dict(result, **result["extra"][title]) for result in found if title in result.get("extra", {})]
            if not results:
                continue
            if number == 0:
                text += "| teacher | - | " + " | ".join(
                    cell(metric, [dict(metrics=results[0]["teacher"])]) for metric in METRICS) + " |\n"
            text += f"| {row} | {len(results)} | " + " | ".join(cell(metric, results) for metric in METRICS) + " |\n"
            for metric in sorted(results[0]["metrics"]):
                values = [result["metrics"][metric] for result in results]
                data.append(seed_row(f"{name}, {title}", row, metric, values, results,
                                     f"scripts/study/run.py --tables {name} --rows {row!r}"))
    return text


def file_words(table):
    return re.sub("[^a-z0-9]+", "_", table.lower())[:40].strip("_")


def show_plot(target, name, title, svg):
    """Writes a plot into the folder beside the page; markdown that shows it."""
    target.mkdir(exist_ok=True)
    (target / name).write_text(svg)
    return f"![{title}]({target.name}/{name})\n"


def gate_plots(table, rows, target):
    """The gates of learned choices over the steps, one plot per row and seed; markdown that shows them."""
    text = ""
    for number, (row, found) in enumerate(rows):
        for result in found:
            gates = result["train"]["gates"]
            # A choice that is not learned is final at the first step.
            if not gates or len({tuple(line[1:]) for line in gates}) < 5:
                continue
            last = max(i for i in range(1, len(gates)) if gates[i][1:] != gates[i - 1][1:])
            gates = gates[:last + 3]
            curves = {f"layer {layer}": {line[0]: line[1 + layer] for line in gates} for layer in range(len(gates[0]) - 1)}
            name = f"gates_{file_words(table)}_{number}_{result['seed']}.svg"
            title = f"{row}, seed {result['seed']}"
            text += show_plot(target, name, f"gates of {title}", line_svg(curves, "step", "gate r", title=title))
    return "\n" + text if text else ""


def held_out_plot(table, rows, target):
    """Velocity error on held-out states over the steps, a line per row: its first seed that has one; markdown that shows it."""
    curves = {}
    for row, found in rows:
        points = next((result["train"]["held_out_mse"] for result in found if result["train"].get("held_out_mse")), [])
        if points := {step: error for step, error in points if error}:
            curves[row] = points
    if len(curves) < 2:
        return ""
    return "\n" + show_plot(target, f"held_out_{file_words(table)}.svg", "velocity error on held-out states over the steps",
                            line_svg(curves, "step", "velocity MSE on held-out states", log_y=True))


def target_plots(rows, teacher, target):
    """Metrics against the number of linear layers, the teacher dashed."""
    text = ""
    for metric, (title, _) in list(METRICS.items())[:3]:
        curve = {len(found[0]["layers"]): statistics.mean(result["metrics"][metric]["mean"] for result in found)
                 for _, found in rows}
        curves = {"linearized": curve}
        if teacher:
            curves["teacher"] = {x: teacher["metrics"][metric]["mean"] for x in (min(curve), max(curve))}
        text += show_plot(target, f"target_{metric}.svg", f"{title} against the number of linear layers",
                          line_svg(curves, "linear layers", title, dashed=("teacher",)))
    return "\n" + text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=pathlib.Path, default=ROOT / "configs/tiny_wan/study.json")
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--runs", type=pathlib.Path, required=True)
    parser.add_argument("--target", type=pathlib.Path, required=True)
    add_notes(parser)
    args = parser.parse_args()
    study = read_study(args.study)
    results = read_results(args.runs, args.results)
    teacher = results.pop("teacher", None)
    origin = teacher or next(iter(results.values()))
    intro = INTRO.format(prompts=study["eval"]["num_prompts"], steps=study["eval"]["steps"], hardware=origin["hardware"],
                         date=origin["date"])
    text = opening(intro, args.notes)
    for old in args.target.glob("*.svg"):  # rows come and go, and their numbers with them
        old.unlink()
    data = []
    for name in study["tables"]:
        rows = [(row, found) for row, found in table_rows(study, name, results) if found]
        if len(rows) < 2:  # nothing to compare
            continue
        text += f"\n## {name[0].upper() + name[1:]}\n\n| | seeds | " + " | ".join(title for title, _ in METRICS.values())
        text += " | guidance ratio | training s | linear layers |\n|" + "---|" * (len(METRICS) + 5) + "\n"
        if teacher:
            text += "| teacher | - | " + " | ".join(cell(metric, [teacher]) for metric in METRICS) + " | 1 | - | - |\n"
        for row, found in rows:
            seconds = statistics.mean(result["train"]["seconds"] for result in found)
            layers = "; ".join(sorted({" ".join(map(str, result["layers"])) for result in found}))
            text += f"| {row} | {len(found)} | " + " | ".join(cell(metric, found) for metric in METRICS)
            text += f" | {guidance_ratio(found)} | {seconds:.0f} | {layers} |\n"
            for metric in sorted({metric for result in found for metric in result["metrics"]}):
                values = values_of(found, metric)
                data.append(seed_row(name, row, metric, values, found,
                                     f"scripts/study/run.py --tables {name} --rows {row!r}"))
        text += extra_tables(name, rows, data)
        if "objective" in name or "ADM" in name:
            text += held_out_plot(name, rows, args.target)
        if name == "target":
            text += target_plots(rows, teacher, args.target)
        if "learned" in name or "selection" in name:
            text += gate_plots(name, rows, args.target)
    if teacher:
        for metric, value in teacher["metrics"].items():
            data.append(dict(table="teacher", row="teacher", metric=metric, mean=value["mean"], std=0, n=1, ci95=[value["ci95"]],
                             unit=value["unit"], hardware=teacher["hardware"], commit=teacher["commit"], date=teacher["date"],
                             command="scripts/study/run.py"))
    write_page(args.target, text, data)


if __name__ == "__main__":
    main()
