#!/usr/bin/env python3
"""Runs the study of the method: trains, exports and evaluates every row of its tables, once per seed.

  scripts/study/run.py --study configs/tiny_wan/study.json --work runs/study --results runs/study/results \\
      [--tables objective selection] [--rows NAME ...] [--seeds 1 2 3] [--only PATTERN ...] [--first PATTERN ...]
      [--jobs 3] [--time-limit 560]

The study file names what all runs share ("collect", "train", "eval": configuration overrides of the three programs) and,
per table, the rows with their own overrides of lintorch-train. A row named in two tables is run once. Results are one JSON
file per row and seed; what is there (or in --runs) is not run again, so a study may be spread over many calls. With
--time-limit no work is started that would not end in time, what runs longer than thought is stopped, and everything trained
until then is still evaluated. --only and --first take regular expressions of "table: row, seed N": only what fits one is run,
so that two GPUs can share a study; what fits an earlier one is run earlier.
scripts/study/tables.py turns the results into docs/results/method.md and .json.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program(name):
    path = shutil.which(name) or str(ROOT / "build" / "apps" / name)
    if not pathlib.Path(path).exists():
        sys.exit(f"{name}: neither in PATH nor in build/apps; run scripts/build.sh first")
    return path


def overrides(settings):
    arguments = []
    for key, value in settings.items():
        arguments += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return arguments


def read_study(path):
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("//"))
    study = json.loads(text)
    for table in study.get("tables", {}).values():
        if "like" in table:
            model = study["tables"][table["like"]]
            table["train"] = {**model.get("train", {}), **table.get("train", {})}
            table["rows"] = {row: {**model["rows"][row], **own} for row, own in table["rows"].items()}
    return study


def read_results(runs, folder):
    """Result by key: those of the file, and those of the folder, which the file then has too."""
    results = {}
    if runs.exists():
        results = {run.pop("key"): run for run in map(json.loads, runs.read_text().splitlines())}
    if folder:
        results |= {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
        runs.parent.mkdir(parents=True, exist_ok=True)
        runs.write_text("".join(json.dumps({"key": key, **results[key]}, separators=(",", ":")) + "\n" for key in sorted(results)))
    return results


def read_metrics(run):
    """The log points of a run of lintorch-train."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def run_key(settings):
    """Names a run by what it does, so that rows of several tables share it."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def fits(pattern, run):
    """Whether one of a run's names has a match of the pattern."""
    return any(re.search(pattern, name) for name in run[2])


class Study:
    def __init__(self, args):
        self.args = args
        self.study = read_study(args.study)
        self.begin = time.monotonic()
        self.seconds = {}  # of the last training, a step; of the last evaluation, a model
        args.work.mkdir(parents=True, exist_ok=True)
        args.results.mkdir(parents=True, exist_ok=True)
        self.earlier = set(read_results(args.runs, None)) if args.runs else set()

    def left(self):
        return float("inf") if not self.args.time_limit else self.args.time_limit - (time.monotonic() - self.begin)

    def call(self, name, arguments, log, reserve=0.0):
        """Seconds of a program, which is told to stop `reserve` seconds before the time limit."""
        begin = time.monotonic()
        with open(log, "a") as file:
            file.write(shlex.join([name, *arguments]) + "\n")
            file.flush()
            process = subprocess.Popen([program(name), *arguments], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT,
                                       env={"OMP_NUM_THREADS": "2", **os.environ})
            try:
                process.wait(None if not self.args.time_limit else max(1.0, self.left() - reserve))
            except subprocess.TimeoutExpired:
                process.terminate()  # a training ends after its step, with a checkpoint
        if process.wait():
            tail = "\n".join(pathlib.Path(log).read_text().splitlines()[-5:])
            raise RuntimeError(f"{name} stopped by the time limit, or failed: see {log}:\n{tail}")
        return time.monotonic() - begin

    def eval_reserve(self, models):
        """Seconds that the evaluation of so many models takes, and the teacher's with it."""
        return (1 + models) * self.seconds.get("eval", self.args.eval_seconds)

    def steps(self, settings):
        """Training steps of a run."""
        return settings["train.steps"]

    def expected(self, settings):
        """Seconds that the training of a run takes."""
        return 1.2 * self.seconds.get("train", 0) * self.steps(settings)

    def in_order(self, runs):
        """Keys of runs, those that fit an earlier pattern of --first before the others."""
        def rank(key):
            return next((number for number, pattern in enumerate(self.args.first) if fits(pattern, runs[key])), len(self.args.first))
        return sorted(runs, key=rank)

    def train_and_export(self, config, settings, run, model, **export):
        """Seconds of a training in the run folder; exports it to the model folder and keeps no checkpoint."""
        seconds = self.call("lintorch-train", ["--config", f"configs/tiny_wan/{config}.json",
                                               *overrides({**settings, "output": str(run)})],
                            run.parent / "train.log", self.eval_reserve(2))
        self.call("lintorch-export", ["--config", "configs/tiny_wan/export.json",
                                      *overrides({"checkpoint": str(run), "output": str(model), **export})],
                  run.parent / "export.log")
        shutil.rmtree(run / "checkpoints", ignore_errors=True)
        return seconds

    def collect(self):
        folder = self.args.work / "trajectories"
        if not (folder / "DONE").exists():
            seconds = self.call("lintorch-collect", ["--config", "configs/tiny_wan/collect.json", *overrides(self.study["collect"]),
                                           "--set", f"output={folder}"], self.args.work / "collect.log")
            (folder / "DONE").touch()
            print(f"collected trajectories in {seconds:.0f} s", flush=True)
        return folder

    def only(self, runs):
        """The runs that --only asks for."""
        return {key: run for key, run in runs.items()
                if not self.args.only or any(fits(pattern, run) for pattern in self.args.only)}

    def done(self, key):
        return key in self.earlier or (self.args.results / f"{key}.json").exists()

    def wanted(self):
        """Runs without a result: key -> (settings, seed, names, further evaluations by name)."""
        runs = {}
        for table, spec in self.study["tables"].items():
            if self.args.tables and table not in self.args.tables:
                continue
            for row, own in spec["rows"].items():
                if self.args.rows and row not in self.args.rows:
                    continue
                for seed in self.args.seeds:
                    settings = {**self.study["train"], **spec.get("train", {}), **own, "linearize.seed": seed}
                    key = run_key(settings)
                    if not self.done(key):
                        run = runs.setdefault(key, (settings, seed, [], {}))
                        run[2].append(f"{table}: {row}, seed {seed}")
                        run[3].update(spec.get("extra_evals", {}))
        return runs

    def train(self, key, settings, trajectories):
        """Trains and exports; None for what another process has done meanwhile."""
        folder = self.args.work / key
        if (self.args.results / f"{key}.json").exists():
            return None
        if (folder / "model" / "model_index.json").exists():
            return key, json.loads((folder / "train.json").read_text())
        folder.mkdir(exist_ok=True)
        seconds = self.train_and_export("linearize", {**settings, "linearize.trajectories": str(trajectories)},
                                        folder / "run", folder / "model")
        metrics = read_metrics(folder / "run")
        last = {key: value for line in metrics for key, value in line.items()}  # held-out ones are not in every line
        held_out = [[line["step"], line["held_out/velocity_mse"]] for line in metrics if "held_out/velocity_mse" in line]
        record = dict(seconds=seconds, last_metrics=last, gates=gates(metrics), held_out_mse=held_out)
        (folder / "train.json").write_text(json.dumps(record))
        self.seconds["train"] = seconds / self.steps(settings)
        print(f"trained {key} in {seconds:.0f} s, {self.left():.0f} s left", flush=True)
        return key, record

    def candidate(self, key, settings):
        """What lintorch-eval is told of a run."""
        return dict(name=key, model=str(self.args.work / key / "model"))

    def call_eval(self, candidates, settings, name):
        """One run of lintorch-eval: model -> metric -> value, and the report."""
        output = self.args.work / f"eval_{name}"
        seconds = self.call("lintorch-eval", ["--config", "configs/tiny_wan/eval.json", *overrides(settings), "--set",
                                              "candidates=" + json.dumps(candidates), "--set", f"output={output}"],
                            self.args.work / f"eval_{name}.log")
        print(f"evaluated {len(candidates)} models in {seconds:.0f} s, {self.left():.0f} s left", flush=True)
        self.seconds["eval"] = seconds / (1 + len(candidates))
        report = json.loads((output / "report.json").read_text())
        metrics = {}
        for row in report["rows"]:
            metrics.setdefault(row["row"], {})[row["metric"]] = dict(mean=row["mean"], ci95=row["ci95"], n=row["n"],
                                                                     unit=row["unit"])
        return metrics, report

    def evaluate(self, trained, runs, name):
        extra = {key: {} for key in trained}
        # Extra evaluations in which the teacher does the same are further candidates of the first.
        candidates = {key: self.candidate(key, runs[key][0]) for key in trained}
        again = {}
        for key in trained:
            for title, settings in runs[key][3].items():
                if all(name.startswith("candidate.") for name in settings):
                    again[f"{key} {title}"] = (key, title)
                    own = {name.partition(".")[2]: value for name, value in settings.items()}
                    candidates[f"{key} {title}"] = {**candidates[key], **own, "name": f"{key} {title}"}
        metrics, report = self.call_eval(list(candidates.values()), self.study["eval"], name)
        for row, (key, title) in again.items():
            extra[key][title] = dict(metrics=metrics[row], teacher=metrics["teacher"])
        for title in {title for key in trained for title in runs[key][3]} - {title for _, title in again.values()}:
            keys = [key for key in trained if title in runs[key][3]]
            found, _ = self.call_eval([candidates[key] for key in keys], {**self.study["eval"], **runs[keys[0]][3][title]},
                                      f"{name}_{title.replace(' ', '_')}")
            for key in keys:
                extra[key][title] = dict(metrics=found[key], teacher=found["teacher"])
        models = {model["name"]: model for model in report["models"]}
        first = report["rows"][0]
        common = dict(hardware=first["hardware"], commit=first["commit"], date=first["date"])
        self.save("teacher", dict(common, metrics=metrics["teacher"]))
        for key, record in trained.items():
            settings, seed, names, _ = runs[key]
            layers = [i for i, kind in enumerate(models[key]["attention"]) if kind == "linear"]
            self.save(key, dict(common, names=names, settings=settings, seed=seed, metrics=metrics[key], layers=layers,
                                train=record, extra=extra[key]))
            print(f"{'; '.join(names)}: layers {layers}, "
                  + ", ".join(f"{metric} {value['mean']:.3f}" for metric, value in metrics[key].items()), flush=True)

    def save(self, key, result):
        path = self.args.results / f"{key}.json"
        path.with_suffix(".tmp").write_text(json.dumps(result, indent=1))
        path.with_suffix(".tmp").rename(path)

    def run(self):
        trajectories = self.collect()
        runs = self.only(self.wanted())
        print(f"{len(runs)} runs to do", flush=True)
        waiting = self.in_order(runs)
        trained, batch = {}, 0
        training, evaluating = set(), set()
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as trainers, \
                concurrent.futures.ThreadPoolExecutor(1) as evaluators:
            while True:
                while len(training) < self.args.jobs:
                    # A training must leave time for its evaluation and those that wait for theirs.
                    reserve = self.eval_reserve(len(trained) + len(training) + 1)
                    key = next((key for key in waiting if self.left() > reserve + self.expected(runs[key][0])), None)
                    if key is None:
                        break
                    waiting.remove(key)
                    training.add(trainers.submit(self.train, key, runs[key][0], trajectories))
                # Trainings go on beside an evaluation: the device has room for both.
                if trained and not evaluating and (len(trained) >= self.args.eval_batch or not training):
                    evaluating.add(evaluators.submit(self.evaluate, trained, runs, f"{int(time.time())}_{batch}"))
                    trained, batch = {}, batch + 1
                if not training and not evaluating:
                    return
                done, _ = concurrent.futures.wait(training | evaluating, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    try:
                        result = future.result()
                        if future in training and result:
                            trained[result[0]] = result[1]
                    except RuntimeError as error:
                        print(error, file=sys.stderr, flush=True)
                training -= done
                evaluating -= done


def gates(metrics):
    """Gate values over the steps, thinned: [[step, r_0, r_1, ...], ...]."""
    rows = []
    for line in metrics:
        values = [line[key] for key in sorted((k for k in line if k.startswith("gate/")), key=lambda k: int(k[5:]))]
        if values:
            rows.append([line["step"], *[round(value, 4) for value in values]])
    return rows[:: max(1, len(rows) // 60)]


def study_parser(description, study):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=pathlib.Path, default=ROOT / study)
    parser.add_argument("--work", type=pathlib.Path, help="folder for trajectories, runs and models; default: runs/STUDY")
    parser.add_argument("--results", type=pathlib.Path, help="folder for the results; default: WORK/results")
    parser.add_argument("--runs", type=pathlib.Path, help="results of earlier studies, one a line: not run again")
    parser.add_argument("--rows", nargs="*", help="default: all")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--only", nargs="*", default=[], metavar="PATTERN", help="what to run; default: all")
    parser.add_argument("--first", nargs="*", default=[], metavar="PATTERN", help="what to run first")
    parser.add_argument("--jobs", type=int, default=3, help="trainings at a time; one leaves an H100 idle two thirds of the time")
    parser.add_argument("--eval-batch", type=int, default=6, help="models evaluated in one go, with one run of the teacher")
    parser.add_argument("--eval-seconds", type=float, default=30, help="of one model, as a first guess")
    parser.add_argument("--time-limit", type=float, default=0, help="seconds after which to end; 0 = none")
    return parser


def run(study_class, args):
    args.work = (args.work or ROOT / "runs" / args.study.stem).resolve()
    args.results, args.study = (args.results or args.work / "results").resolve(), args.study.resolve()
    study_class(args).run()


def main():
    parser = study_parser(__doc__, "configs/tiny_wan/study.json")
    parser.add_argument("--tables", nargs="*", help="default: all")
    run(Study, parser.parse_args())


if __name__ == "__main__":
    main()
