#!/usr/bin/env python3
"""Time and memory of a distillation step at full size: random weights of Wan 1.3B, the generator with 16 of 30 layers linear.

  scripts/results/distill_steps.py --work /tmp/distill_steps [--size 832x480] [--frames 81] [--target docs/results/distill_steps.json]

Runs two cycles (two critic steps and one generator step each) of lintorch-train for every variant, with a log point at every
step, and prints seconds of the second cycle and the peak memory. Writes a list of {table, row, metric, mean, n, unit, command}.
"""
import argparse
import json
import pathlib

from full_size_training import random_model, row, train

LINEAR = [layer for layer in range(30) if layer % 2 == 1] + [28]
VARIANTS = {
    "all weights, critic all weights": {},
    "all weights, critic LoRA": {"distill.critic.trainable": "lora"},
    "LoRA, critic LoRA": {"distill.critic.trainable": "lora", "distill.trainable": "lora"},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--size", default="832x480")
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--target", type=pathlib.Path)
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    random_model(work / "teacher", "t2v_1_3b", {})
    random_model(work / "linear", "t2v_1_3b", {
        "transformer.attention": ["linear" if layer in LINEAR else "softmax" for layer in range(30)], "seed": 1})
    (work / "prompts.txt").write_text("A cat walks through high grass.\nA sailing boat in a storm.\n")
    rows = []
    for name, own in VARIANTS.items():
        lines, device = train(work / "run", {
            "method": "distill", "train.steps": 6, "train.precision": "bf16", "train.ema_decay": 0.99,
            "distill.model": str(work / "linear"), "distill.teacher": str(work / "teacher"),
            "distill.prompts": str(work / "prompts.txt"), "distill.size": args.size, "distill.frames": args.frames,
            "distill.activation_checkpointing": True, "distill.critic.updates": 2, **own})
        if lines is None:
            print(f"{name}: failed: {device}", flush=True)
            continue
        seconds = [now["seconds"] - before["seconds"] for before, now in zip(lines, lines[1:])]
        values = {"critic step": (seconds[2], "s"), "generator step": (seconds[4], "s")}
        if peak := max(line.get("memory/peak_gb", 0) for line in lines):
            values["peak memory, critic"] = (lines[1]["memory/peak_gb"], "GB")  # before the first step of the generator
            values["peak memory"] = (peak, "GB")
            values["of it tensors"] = (max(line.get("memory/peak_tensors_gb", 0) for line in lines), "GB")
        print(f"{name}: " + ", ".join(f"{metric} {value:.2f} {unit}" for metric, (value, unit) in values.items()), flush=True)
        rows += [row(f"distillation step, 1.3b, {args.size}, {args.frames} frames", name, metric, value, unit, device,
                     "scripts/results/distill_steps.py --work /tmp/distill_steps") for metric, (value, unit) in values.items()]
    if args.target:
        args.target.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
