#!/usr/bin/env python3
"""Time and memory of linearization steps at full size on one GPU: random weights, 832x480, 81 frames, batch 1.

  scripts/results/training.py --work /tmp/training [--models 1_3b 14b] [--rows NAME ...] [--ranks N] [--target reports/training.json]

Every row is a run of lintorch-train of a few steps; the first half has all gates between 0 and 1 (both branches of every
layer), the second the layers chosen. Device seconds of the parts from the run's own log (medians without each half's first
step), peak memory of the first GPU's allocator. --ranks: so many GPUs through torchrun, a batch of 1 on each.
scripts/results/training_table.py makes the table of docs/results/training_h200.md.
"""
import argparse
import json
import pathlib
import statistics

from full_size_training import random_model, row, train, trajectories

MODELS = {
    "1_3b": dict(preset="t2v_1_3b", target=16, steps=8, rows={
        "MSE, all weights": {},
        "MSE and hidden states, all weights": {"linearize.objective.feature_weight": 10},
        "ADM, all weights": {"linearize.objective.kind": "adm"},
        "MSE, all weights, EMA, checkpoint": {"train.ema_decay": 0.99, "train.save_every": 4},
        "MSE, LoRA": {"linearize.trainable": "lora"},
    }, several_gpus={
        "MSE, all weights, ZeRO-2": {"train.shard": "gradients"},
    }),
    "14b": dict(preset="t2v_14b", target=22, steps=6, rows={
        "MSE, LoRA": {"linearize.trainable": "lora"},
    }),
}
PARTS = ("forward", "teacher", "student_score", "backward", "optimizer")


def phase_metrics(lines):
    """Medians over a phase, its first step left out: it warms allocator and algorithms up."""
    metrics = {}
    for part in PARTS:
        values = [line[f"seconds/{part}"] for line in lines[1:] if f"seconds/{part}" in line]
        if values:
            metrics[part] = (statistics.median(values), statistics.pstdev(values), len(values))
    if waits := [line["data_wait_seconds"] for line in lines[1:] if "data_wait_seconds" in line]:
        metrics["waiting for data"] = (statistics.median(waits), statistics.pstdev(waits), len(waits))
    wall = [now["seconds"] - before["seconds"] for before, now in zip(lines, lines[1:])]
    metrics["step"] = (statistics.median(wall), statistics.pstdev(wall), len(wall))
    return metrics


def checkpoint_seconds(lines):
    """The first checkpoint of a run; None if it has none before its last step."""
    shares = [line.get("checkpoint_share", 0) * line["seconds"] for line in lines]
    return next((seconds for seconds in shares if seconds > 0), None)


def measure(work, model, spec, name, own, size, frames, ranks, command):
    steps = spec["steps"]
    lines, device = train(work / "run", {
        "method": "linearize", "train.steps": steps, "train.precision": "bf16", "train.warmup_steps": 0,
        "linearize.model": str(work / model), "linearize.trajectories": str(work / f"{model}_trajectories"),
        "linearize.frozen_dtype": "bf16", "linearize.activation_checkpointing": True, "linearize.batch_size": 1,
        "linearize.linear_attention.feature_dim": 128, "linearize.linear_attention.init": "kaiming",
        "linearize.objective.prompt_drop": 0, "linearize.selective_transfer.target": spec["target"],
        "linearize.selective_transfer.freeze_fraction": 0.5, "linearize.validation.trajectories": 0,
        "linearize.validation.every": 0, **own}, ranks)
    if ranks > 1:
        name += f", {ranks} GPUs"
    if lines is None:
        print(f"{model}, {name}: failed: {device}", flush=True)
        return []
    table = f"training step, {model.replace('_', '.')}, {size}, {frames} frames"
    rows = []
    for phase, part in (("transfer", lines[:steps // 2]), ("final", lines[steps // 2:])):
        metrics = phase_metrics(part)
        for metric, (mean, std, n) in metrics.items():
            rows.append(row(table, f"{name}, {phase}", metric, mean, "s", device, command, n, std))
        peak = part[-1].get("memory/peak_gb", 0)
        rows.append(row(table, f"{name}, {phase}", "peak memory", peak, "GB", device, command))
        tensors = part[-1].get("memory/peak_tensors_gb", 0)
        rows.append(row(table, f"{name}, {phase}", "of it tensors", tensors, "GB", device, command))
        if phase == "final" and (seconds := checkpoint_seconds(lines)):
            rows.append(row(table, f"{name}, {phase}", "checkpoint", seconds, "s", device, command))
            print(f"{model}, {name}: checkpoint {seconds:.1f} s")
        print(f"{model}, {name}, {phase}: " + ", ".join(f"{metric} {value[0]:.2f} s" for metric, value in metrics.items())
              + f", peak {peak:.1f} GB, of it tensors {tensors:.1f} GB", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--rows", nargs="*", help="default: all")
    parser.add_argument("--size", default="832x480")
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--target", type=pathlib.Path)
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    rows = []
    for model in args.models:
        spec = MODELS[model]
        random_model(work / model, spec["preset"], {})
        trajectories(work / f"{model}_trajectories", work / model, args.size, args.frames)
        for name, own in (spec["rows"] | (spec.get("several_gpus", {}) if args.ranks > 1 else {})).items():
            if not args.rows or name in args.rows:
                rows += measure(work, model, spec, name, own, args.size, args.frames, args.ranks,
                                f"scripts/results/training.py --work /tmp/training --models {model} --rows {name!r}"
                                + (f" --ranks {args.ranks}" if args.ranks > 1 else ""))
                if args.target:
                    args.target.parent.mkdir(parents=True, exist_ok=True)
                    args.target.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
