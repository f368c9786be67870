"""Goldens for the UniPC sampler: trajectories of Diffusers' UniPCMultistepScheduler under random model outputs.

Writes test/data/schedulers.safetensors. Per case "<steps>_<shift>": velocities [steps, 6], start [6], and the samples
after each step, computed as Diffusers does (fp32) and with the same sigmas in fp64 ("exact").
"""
import pathlib

import diffusers
import torch
from diffusers import UniPCMultistepScheduler
from safetensors.torch import save_file

SEED = 7


def trajectory(steps, shift, start, velocities, double):
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
    scheduler.set_timesteps(steps)
    if double:
        scheduler.sigmas = scheduler.sigmas.double()
        start, velocities = start.double(), velocities.double()
    samples, sample = [], start[None]
    for i, timestep in enumerate(scheduler.timesteps):
        sample = scheduler.step(velocities[i : i + 1], timestep, sample, return_dict=False)[0]
        samples.append(sample)
    return torch.cat(samples), scheduler.sigmas, scheduler.timesteps


def main():
    generator = torch.Generator().manual_seed(SEED)
    tensors = {}
    for steps in (4, 10, 50):
        for shift in (1, 3, 5, 8):
            start = torch.randn(6, generator=generator)
            velocities = torch.randn(steps, 6, generator=generator)
            samples, sigmas, timesteps = trajectory(steps, shift, start, velocities, double=False)
            exact, _, _ = trajectory(steps, shift, start, velocities, double=True)
            case = f"{steps}_{shift}"
            print(case, "fp32 against fp64:", (samples - exact).abs().max().item())
            tensors |= {f"{case}.start": start, f"{case}.velocities": velocities, f"{case}.samples": samples,
                        f"{case}.exact": exact, f"{case}.sigmas": sigmas, f"{case}.timesteps": timesteps}
    target = pathlib.Path(__file__).resolve().parents[2] / "test" / "data" / "schedulers.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, target, {"script": "scripts/goldens/schedulers.py", "seed": str(SEED),
                                "torch": torch.__version__, "diffusers": diffusers.__version__})


if __name__ == "__main__":
    main()
