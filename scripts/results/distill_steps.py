#!/usr/bin/env python3
"""Time and memory of a distillation step at full size: random weights of Wan 1.3B, the generator with 16 of 30 layers linear.

  scripts/results/distill_steps.py --work /tmp/distill_steps [--size 832x480] [--frames 81] [--target docs/results/distill_steps.json]

Runs two cycles (two critic steps and one generator step each) of lintorch-train for every variant, with a log point at every
step, and prints seconds of the second cycle and the peak memory. Writes a list of {table, row, metric, mean, n, unit, command}.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "study"))
from run import ROOT, overrides, program  # noqa: E402

LINEAR = [layer for layer in range(30) if layer % 2 == 1] + [28]
VARIANTS = {
    "all weights, critic all weights": {},
    "all weights, critic LoRA": {"distill.critic.trainable": "lora"},
    "LoRA, critic LoRA": {"distill.critic.trainable": "lora", "distill.trainable": "lora"},
}


def call(name, arguments, log):
    with open(log, "w") as file:
        done = subprocess.run([program(name), *arguments], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    return done.returncode


def random_model(folder, settings):
    if (folder / "model_index.json").exists():
        return
    arguments = ["random", *overrides({"preset": "t2v_1_3b", "output": str(folder), "dtype": "bf16", "flow_shift": 5,
                                       "text_encoder.num_layers": 1, **settings})]
    if call("lintorch-inspect", arguments, folder.with_suffix(".log")):
        sys.exit(f"lintorch-inspect failed, see {folder.with_suffix('.log')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--size", default="832x480")
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--target", type=pathlib.Path)
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    random_model(work / "teacher", {})
    random_model(work / "linear", {
        "transformer.attention": ["linear" if layer in LINEAR else "softmax" for layer in range(30)], "seed": 1})
    (work / "prompts.txt").write_text("A cat walks through high grass.\nA sailing boat in a storm.\n")
    rows = []
    for name, own in VARIANTS.items():
        run = work / "run"
        shutil.rmtree(run, ignore_errors=True)
        settings = {
            "method": "distill", "output": str(run), "train.steps": 6, "train.log_every": 1, "train.save_every": 0,
            "train.precision": "bf16", "train.ema_decay": 0.99, "distill.model": str(work / "linear"),
            "distill.teacher": str(work / "teacher"), "distill.prompts": str(work / "prompts.txt"),
            "distill.size": args.size, "distill.frames": args.frames, "distill.activation_checkpointing": True,
            "distill.critic.updates": 2, **own}
        log = work / "train.log"
        if call("lintorch-train", overrides(settings), log):
            print(f"{name}: failed: {log.read_text().splitlines()[-1]}", flush=True)
            continue
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        seconds = [now["seconds"] - before["seconds"] for before, now in zip(lines, lines[1:])]
        values = {"critic_step": (seconds[2], "s"), "generator_step": (seconds[4], "s")}
        peak = max(line.get("memory/peak_gb", 0) for line in lines)
        if peak:
            values["peak_memory"] = (peak, "GB")
        print(f"{name}: " + ", ".join(f"{metric} {value:.2f} {unit}" for metric, (value, unit) in values.items()), flush=True)
        rows += [dict(table="distillation step, Wan 1.3B, " + args.size, row=name, metric=metric, mean=value, n=1, unit=unit,
                      command="scripts/results/distill_steps.py --work /tmp/distill_steps")
                 for metric, (value, unit) in values.items()]
    if args.target:
        args.target.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
