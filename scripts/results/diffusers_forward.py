#!/usr/bin/env python3
"""Times Diffusers' WanTransformer3DModel on the current CUDA device, with random weights: the baselines of
`lintorch-bench forward`.

  python3 scripts/results/diffusers_forward.py --preset t2v_1_3b --size 832x480 --frames 81 --output diffusers.json

Variants: eager with FlashAttention-2, eager with cuDNN attention, and torch.compile of every block with cuDNN attention.
Inputs and rows are those of `lintorch-bench forward`: bf16 weights, one sample, 512 text tokens, CUDA-event medians.
"""
import argparse
import datetime
import json
import shlex
import statistics
import subprocess
import sys

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

PRESETS = {
    "t2v_1_3b": dict(num_attention_heads=12, attention_head_dim=128, ffn_dim=8960, num_layers=30),
    "t2v_14b": dict(num_attention_heads=40, attention_head_dim=128, ffn_dim=13824, num_layers=40),
}
VARIANTS = {
    "eager, FlashAttention-2": (SDPBackend.FLASH_ATTENTION, False),
    "eager, cuDNN": (SDPBackend.CUDNN_ATTENTION, False),
    "compiled, cuDNN": (SDPBackend.CUDNN_ATTENTION, True),
}


def build(preset):
    from diffusers import WanTransformer3DModel

    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = WanTransformer3DModel(**PRESETS[preset], cross_attn_norm=True, qk_norm="rms_norm_across_heads")
    torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if any(part in name for part in model._keep_in_fp32_modules or []):
                parameter.data = parameter.data.float()
            parameter.normal_(0, 0.02)
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1)
    return model.eval()


def time_forward(model, inputs, warmup, repeats):
    for _ in range(warmup):
        model(**inputs)
    torch.cuda.synchronize()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        model(**inputs)
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return times


def commit():
    result = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True)
    return result.stdout.strip() or "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default="t2v_1_3b")
    parser.add_argument("--size", default="832x480")
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--variants", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output")
    args = parser.parse_args()
    import diffusers

    width, height = map(int, args.size.split("x"))
    torch.manual_seed(0)
    shape = (1, 16, (args.frames - 1) // 4 + 1, height // 8, width // 8)
    inputs = dict(
        hidden_states=torch.randn(shape, device="cuda", dtype=torch.bfloat16),
        timestep=torch.full((1,), 500.0, device="cuda"),
        encoder_hidden_states=torch.randn(1, 512, 4096, device="cuda", dtype=torch.bfloat16),
        return_dict=False,
    )
    model = build(args.preset)
    card = torch.cuda.get_device_name()
    rows = []
    print(f"{card}, torch {torch.__version__}, diffusers {diffusers.__version__}; {args.preset} {args.size}x{args.frames}")
    with torch.inference_mode():
        for variant in args.variants:
            backend, compiled = VARIANTS[variant]
            if compiled:
                model.compile_repeated_blocks(fullgraph=True)
            torch.cuda.reset_peak_memory_stats()
            with sdpa_kernel(backend):
                times = time_forward(model, inputs, args.warmup, args.repeats)
            peak = torch.cuda.max_memory_reserved()
            print(f"{variant:28} {statistics.median(times):10.2f} ms  +- {statistics.pstdev(times):7.2f}  peak {peak / 2**30:.2f} GiB",
                  flush=True)
            for metric, mean, std, n, unit in (
                ("time", statistics.median(times), statistics.pstdev(times), len(times), "ms"),
                ("peak memory", peak, 0, 1, "B"),
            ):
                rows.append(dict(table=f"forward {args.preset} {args.size}x{args.frames} bf16", row=f"diffusers {variant}",
                                 metric=metric, mean=mean, std=std, n=n, unit=unit, hardware=card, commit=commit(),
                                 date=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
                                 command=shlex.join(sys.argv), versions=f"torch {torch.__version__}, diffusers {diffusers.__version__}"))
    if args.output:
        with open(args.output, "w") as file:
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()
