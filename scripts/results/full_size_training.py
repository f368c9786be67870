"""What the measurements of training at full size share: programs, random models, trajectories, rows."""
import datetime
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "study"))
from run import ROOT, overrides, program, read_metrics  # noqa: E402


def call(name, arguments, log, ranks=1):
    """Whether a program succeeded, on several GPUs if `ranks` says so; its output goes to `log`."""
    launcher = ["torchrun", "--nproc-per-node", str(ranks), "--no-python"] if ranks > 1 else []
    with open(log, "w") as file:
        done = subprocess.run([*launcher, program(name), *arguments], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    return done.returncode == 0


def must(name, arguments, log):
    if not call(name, arguments, log):
        sys.exit(f"{name} failed, see {log}: {last_line(log)}")


def last_line(log):
    return (log.read_text().strip().splitlines() or [""])[-1]


def random_model(folder, preset, settings):
    """A model folder of random weights; text encoder of one layer, since no picture is looked at."""
    if (folder / "model_index.json").exists():
        return
    must("lintorch-inspect", ["random", *overrides({
        "preset": preset, "output": str(folder), "dtype": "bf16", "flow_shift": 5, "text_encoder.num_layers": 1,
        **settings})], folder.with_suffix(".log"))


def trajectories(folder, model, size, frames):
    """Three states of one trajectory."""
    if (folder / "manifest.json").exists():
        return
    prompts = folder.with_suffix(".txt")
    prompts.write_text("A cat walks through high grass.\n")
    must("lintorch-collect", overrides({
        "model": str(model), "prompts": str(prompts), "output": str(folder), "num_trajectories": 1, "size": size,
        "frames": frames, "steps": 3, "guidance": 1, "dtype": "bf16", "storage_dtype": "bf16"}), folder.with_suffix(".log"))


def train(run, settings, ranks=1):
    """The log points of a run of lintorch-train and the device it names, or None and what went wrong."""
    shutil.rmtree(run, ignore_errors=True)
    log = run.with_suffix(".log")
    if not call("lintorch-train", overrides({"output": str(run), "train.log_every": 1, "train.save_every": 0, "train.accumulate": ranks,
                                             **settings}), log, ranks):
        return None, last_line(log)
    shutil.rmtree(run / "checkpoints", ignore_errors=True)
    lines = read_metrics(run)
    device = re.search(r"training on (.*)", log.read_text())
    return lines, device.group(1).strip() if device else "unknown"


def row(table, name, metric, value, unit, device, command, n=1, std=0):
    version = subprocess.run([program("lintorch-train"), "--version"], capture_output=True, text=True).stdout
    commit = re.search(r"\((.*)\)", version)
    return dict(table=table, row=name, metric=metric, mean=value, std=std, n=n, unit=unit, hardware=device,
                commit=commit.group(1) if commit else "unknown", date=datetime.date.today().isoformat(), command=command)
