#!/usr/bin/env python3
"""How much of the teacher's guidance a linearized model has: along stored guided trajectories, the share of D = u_cond - u_uncond.

  lintorch-collect --config configs/tiny_wan/collect.json --set prompts=configs/tiny_wan/eval_prompts.txt --set steps=50 \\
      --set sampler=unipc --set num_trajectories=8 --set batch_size=8 --set storage_dtype=fp32 --set output=runs/held_out
  scripts/study/guidance_ratio.py --model runs/tiny_wan/linearized --trajectories runs/held_out

Needs torch, diffusers and safetensors. Columns: relative error of u_cond, correlation of both branches' errors, ||D||^2 over the
error of u_cond, and <D^, D> / ||D||^2: 1 = as much guidance as the teacher, 0.75 = as much as with three quarters of it.
"""
import argparse
import json
import pathlib
import sys

import torch
from safetensors import safe_open

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python" / "lintorch_diffusers"))
from lintorch_diffusers import load_transformer  # noqa: E402


def read(folder):
    """x [N, I, C, T, H, W], u_cond, u_uncond, texts [N, S, D], uncond [1, S, D], manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    with safe_open(folder / "unconditional_text.safetensors", "pt") as file:
        uncond = file.get_tensor(next(iter(file.keys()))).float()
    tensors = {}
    for path in sorted(folder.glob("trajectories-*.safetensors")):
        with safe_open(path, "pt") as file:
            for key in file.keys():
                tensors[key] = file.get_tensor(key).float()
    stack = lambda kind: torch.stack([tensors[key] for key in sorted(tensors) if key.startswith(kind + ".")])
    texts = [tensors[key] for key in sorted(tensors) if key.startswith("text.")]
    texts = [text.reshape(-1, text.shape[-1]) for text in texts + [uncond]]
    longest = max(len(text) for text in texts)
    texts = torch.stack([torch.nn.functional.pad(text, (0, 0, 0, longest - len(text))) for text in texts])
    return stack("x"), stack("u_cond"), stack("u_uncond"), texts[:-1], texts[-1:], manifest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--trajectories", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=12, help="of the trajectory that are measured")
    args = parser.parse_args()
    student = load_transformer(args.model / "transformer", torch_dtype=torch.float32).eval()
    x, u_cond, u_uncond, texts, uncond, manifest = read(args.trajectories)
    print("timestep  error  correlation  |D|^2/|e|^2  ratio")
    ratios = []
    with torch.no_grad():
        for i in range(0, manifest["steps"], max(1, manifest["steps"] // args.steps)):
            timestep = torch.full((len(x),), float(manifest["timesteps"][i]))
            velocity = lambda text: student(hidden_states=x[:, i], timestep=timestep, encoder_hidden_states=text,
                                            return_dict=False)[0]
            hat_cond, hat_uncond = velocity(texts), velocity(uncond.expand_as(texts))
            error, error_uncond = hat_cond - u_cond[:, i], hat_uncond - u_uncond[:, i]
            D, D_hat = u_cond[:, i] - u_uncond[:, i], hat_cond - hat_uncond
            correlation = (error * error_uncond).sum() / (error.norm() * error_uncond.norm())
            ratios.append(((D_hat * D).sum() / D.square().sum()).item())
            print(f"{manifest['timesteps'][i]:8.1f}  {error.norm() / u_cond[:, i].norm():.3f}  {correlation:11.3f}  "
                  f"{(D.norm() / error.norm()) ** 2:11.2f}  {ratios[-1]:5.3f}", flush=True)
    print(f"mean ratio {sum(ratios) / len(ratios):.3f}")


if __name__ == "__main__":
    main()
