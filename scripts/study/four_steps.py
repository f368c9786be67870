#!/usr/bin/env python3
"""Runs the study of four-step distillation: linearizes, distills, exports and evaluates every row, once per seed.

  scripts/study/four_steps.py --work runs/four_steps --results runs/four_steps/results \\
      [--rows NAME ...] [--steps 4 1 2 8] [--seeds 1 2 3] [--only PATTERN ...] [--first PATTERN ...] [--jobs 3] [--time-limit 560]
  scripts/study/four_steps.py --target docs/results/four_steps --runs docs/results/four_steps/runs.jsonl \\
      [--results runs/four_steps/results] [--notes docs/results/notes/four_steps.md]

The study file (configs/tiny_wan/four_steps_study.json) says what is run. Like scripts/study/run.py, of which this is a
variant, it goes on where an earlier call stopped: results are one JSON file per row, number of steps and seed. A training
that meets --time-limit is stopped with a checkpoint and continues in the next call. With --target nothing is run: the page and
its twin are written from the results so far (--runs, to which --results are added), --notes after its introduction.
"""
import json
import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from run import Study, read_metrics, read_results, read_study, run, run_key, study_parser  # noqa: E402
from tables import add_notes, data_row, line_svg, mean_cell, opening, show_plot, values_of, write_page  # noqa: E402

TEACHER = "configs/tiny_wan/model"
METRICS = {  # title, digits
    "class_accuracy": ("class %", 1),
    "direction_accuracy": ("direction %", 1),
    "frechet_distance": ("Fréchet", 3),
    "diversity_features_to_teacher": ("diversity, judge, % of the teacher's", 1),
    "diversity_pixels_to_teacher": ("diversity, pixels, %", 1),
    "temporal_flicker": ("flicker", 4),
}


def settings_of(study, row, steps, seed):
    """Names a run by what it does. Rows of the teacher have no seed."""
    if "start" not in row:
        return dict(sampler=row["sampler"], steps=steps)
    linearize = {}
    if row["start"] != "model":
        start = study["starts"][row["start"]]
        linearize = {**study["linearize"], **study["starts"].get(start.get("swap_of"), start)}
    own = {key: value for key, value in row.items() if key not in ("start", "stages")}
    stages = row.get("stages", ["dmd"])
    return dict(start=row["start"], steps=steps, seed=seed, linearize=linearize, stages=stages,
                regression=study["regression"] if "regression" in stages else {}, distill={**study["distill"], **own})


def step_list(count):
    return [1000 - 1000 * i / count for i in range(count)]


class FourSteps(Study):
    def __init__(self, args):
        super().__init__(args)
        self.lock, self.start_locks = threading.Lock(), {}

    def wanted(self):
        runs = {}
        for steps in self.args.steps or self.study["steps"]:
            for name, row in self.study["rows"].items():
                if self.args.rows and name not in self.args.rows:
                    continue
                for seed in self.args.seeds:
                    settings = settings_of(self.study, row, steps, seed)
                    key = run_key(settings)
                    if key not in runs and not self.done(key):
                        runs[key] = (settings, seed, [f"{name}, {steps} steps, seed {seed}"], {})
        return runs

    def steps(self, settings):
        stages = {"regression": settings.get("regression", {}), "dmd": settings.get("distill", {})}
        linearize = settings.get("linearize", {}).get("train.steps", 0)  # a start may be there already
        return linearize + sum(stages[stage]["train.steps"] for stage in settings.get("stages", []))

    def start(self, settings, trajectories):
        """The model folder that a generator starts from; linearized now if it is not there."""
        if settings["start"] == "model":
            return TEACHER
        swap = "swap_of" in self.study["starts"][settings["start"]]
        folder = self.args.work / ("start_" + run_key([settings["linearize"], settings["seed"]]))
        with self.lock:
            lock = self.start_locks.setdefault(folder, threading.Lock())
        with lock:
            if not (folder / "swap" / "model_index.json").exists():
                folder.mkdir(exist_ok=True)
                seconds = self.train_and_export(
                    "linearize", {**settings["linearize"], "linearize.seed": settings["seed"],
                                  "linearize.trajectories": str(trajectories), "resume": True},
                    folder / "run", folder / "model", untrained_swap=str(folder / "swap"))
                print(f"linearized {folder.name} in {seconds:.0f} s, {self.left():.0f} s left", flush=True)
        return str(folder / ("swap" if swap else "model"))

    def train(self, key, settings, trajectories):
        if "start" not in settings:
            return key, dict(seconds=0.0)
        folder = self.args.work / key
        if (folder / "train.json").exists():
            return key, json.loads((folder / "train.json").read_text())
        begin = time.monotonic()
        model = self.start(settings, trajectories)
        folder.mkdir(exist_ok=True)
        seconds, metrics = 0.0, []
        for number, stage in enumerate(settings["stages"], 1):
            run, model_of_stage = folder / stage, folder / ("model" if number == len(settings["stages"]) else f"model_{stage}")
            if not (model_of_stage / "model_index.json").exists():
                self.train_and_export("distill", {
                    "distill.objective": stage, "distill.model": model, "distill.teacher": TEACHER,
                    "distill.steps": step_list(settings["steps"]), "distill.seed": settings["seed"],
                    "distill.trajectories": str(trajectories), "distill.gan.trajectories": str(trajectories),
                    **settings["distill"], **(settings["regression"] if stage == "regression" else {}), "resume": True},
                    run, model_of_stage)
            model = str(model_of_stage)
            metrics = read_metrics(run)
            seconds += metrics[-1]["seconds"]  # over all calls
        record = dict(seconds=seconds, metrics=metrics[:: max(1, len(metrics) // 100)])
        (folder / "train.json").write_text(json.dumps(record))
        self.seconds["train"] = (time.monotonic() - begin) / self.steps(settings)
        print(f"distilled {key} in {seconds:.0f} s, {self.left():.0f} s left", flush=True)
        return key, record

    def candidate(self, key, settings):
        if "start" in settings:  # the exported folder knows its steps
            return super().candidate(key, settings)
        return dict(name=key, model=TEACHER, steps=settings["steps"], sampler=settings["sampler"])


INTRO = """# Four-step distillation of the miniature

The miniature of `configs/tiny_wan`, linearized, then distilled with `configs/tiny_wan/four_steps_study.json`, on one GPU ({hardware}, {date}) by

    scripts/study/four_steps.py --work runs/four_steps --results runs/four_steps/results
    scripts/study/four_steps.py --target docs/results/four_steps --runs docs/results/four_steps/runs.jsonl \\
        --results runs/four_steps/results --notes docs/results/notes/four_steps.md

{prompts} held-out prompts from the same noise; the teacher takes {steps} steps with guidance, distilled models none. Fréchet: distance of the
judge's features from those of real clips. Diversity: distance between {videos} videos of one prompt, over {diversity} prompts. +- is the standard
deviation between seeds; in brackets, where there is one seed, the 95 % half-width over the prompts. Training time is wall clock with several
runs on the card at once. The same numbers as data: `four_steps.json`.
"""


def steps_plot(curves, teacher, target):
    """Class accuracy against the number of steps, of rows with three numbers or more, the teacher dashed; markdown that shows it."""
    curves = {name: curve for name, curve in curves.items() if len(curve) > 2}
    if not curves:
        return ""
    return "\n" + show_plot(target, "class_accuracy.svg", "class % against the number of steps",
                            line_svg(curves, "steps", "class %", dashed=(teacher,)))


def write_tables(study, results, args):
    """One table per number of steps."""
    header = "| | seeds | " + " | ".join(title for title, _ in METRICS.values()) + " | training s |\n|"
    teacher, evaluation = results["teacher"], study["eval"]
    intro = INTRO.format(hardware=teacher["hardware"], date=teacher["date"], prompts=evaluation["num_prompts"], steps=evaluation["steps"],
                         videos=evaluation["videos_per_prompt"], diversity=evaluation["diversity_prompts"])
    reference = f"teacher, {evaluation['steps']} steps"
    data, tables, curves = [], "", {}
    for steps in study["steps"]:
        rows = [(name, sorted({run_key(settings_of(study, row, steps, seed)) for seed in args.seeds}))
                for name, row in study["rows"].items()]
        rows = [(name, [results[key] for key in keys if key in results]) for name, keys in rows]
        if not any(found for _, found in rows):
            continue
        tables += f"\n## {steps} step{'s' if steps > 1 else ''}\n\n{header}" + "---|" * (len(METRICS) + 3) + "\n"
        for name, found in [(reference, [teacher]), *rows]:
            if not found:
                continue
            seconds = [result["train"]["seconds"] for result in found if result.get("train", {}).get("seconds")]
            tables += f"| {name} | {len(found) if seconds else '-'} | " + " | ".join(
                mean_cell(values_of(found, metric), digits) for metric, (_, digits) in METRICS.items())
            tables += f" | {statistics.mean(seconds):.0f} |\n" if seconds else " | - |\n"
            command = f"scripts/study/four_steps.py --steps {steps} --rows " + repr("teacher, UniPC" if name == reference else name)
            for metric in METRICS:
                if values := values_of(found, metric):
                    data.append(data_row(f"{steps} steps", name, metric, values, found[0], command))
                    # A row with fewer seeds than others would mislead in one plot.
                    if metric == "class_accuracy" and (not seconds or len(found) == len(args.seeds)):
                        curves.setdefault(name, {})[steps] = data[-1]["mean"]
    write_page(args.target, opening(intro, args.notes) + steps_plot(curves, reference, args.target) + tables, data)


def main():
    parser = study_parser(__doc__, "configs/tiny_wan/four_steps_study.json")
    parser.add_argument("--steps", nargs="*", type=int, help="numbers of steps; default: the study file's")
    parser.add_argument("--target", type=pathlib.Path, help="only write the results so far to TARGET.md and .json")
    add_notes(parser)
    args = parser.parse_args()
    if not args.target:
        return run(FourSteps, args)
    if not args.runs:
        parser.error("--target needs --runs")
    write_tables(read_study(args.study), read_results(args.runs, args.results), args)


if __name__ == "__main__":
    main()
