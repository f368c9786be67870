"""lintorch's samplers against Diffusers' UniPCMultistepScheduler and FlowMatchEulerDiscreteScheduler, step by step, under
random model outputs, for both grids of flow times (sigma conventions): Wan's, and the one that each class makes."""

import numpy
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

import support

# (steps, shift)
CASES = [(steps, shift) for steps in (4, 50) for shift in (1.0, 3.0, 5.0, 8.0)] + [(20, 5.0), (33, 3.0)]

FP32_CASES = [(50, 1.0), (50, 5.0)]


def wan_sigmas(steps):
    """Flow times of the official Wan code, before the shift."""
    return numpy.linspace(0.999, 0.0, steps + 1)[:-1]


def make_scheduler(sampler, convention, steps, shift):
    if sampler == "unipc":
        scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
        scheduler.set_timesteps(steps, sigmas=None if convention == "diffusers" else wan_sigmas(steps))
        return scheduler
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    # Its own grid, or Wan's put in.
    if convention == "diffusers":
        scheduler.set_timesteps(steps)
    else:
        scheduler.set_timesteps(sigmas=wan_sigmas(steps))
    return scheduler


def trajectory(scheduler, sample, model_outputs, dtype):
    if dtype == torch.float64:
        scheduler.sigmas = scheduler.sigmas.double()
    sample, samples = sample.to(dtype), []
    for i, timestep in enumerate(scheduler.timesteps):
        sample = scheduler.step(model_outputs[i].to(dtype), timestep, sample, return_dict=False)[0]
        samples.append(sample)
    return torch.stack(samples)


class SchedulerTest(support.ReferenceTest):
    def check(self, sampler, convention):
        """In fp64, where rounding plays no part, every step agrees to 1e-6. In fp32 it agrees to 1e-6 beyond what the
        reference itself loses to rounding (1.5e-6 after some tens of steps of UniPC)."""
        generator = torch.Generator().manual_seed(300)
        worst = {"fp64": 0.0, "fp32": 0.0, "fp32 beyond the reference's own": 0.0}
        for steps, shift in CASES:
            UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True,
                                    flow_shift=shift).save_pretrained(self.folder)
            sample = torch.randn(1, 2, 3, 2, 2, generator=generator, dtype=torch.float64)
            model_outputs = torch.randn(steps, 1, 2, 3, 2, 2, generator=generator, dtype=torch.float64)
            results = {}
            # Rounding grows with the number of steps.
            dtypes = {"fp64": torch.float64} | ({"fp32": torch.float32} if (steps, shift) in FP32_CASES else {})
            for name, dtype in dtypes.items():
                scheduler = make_scheduler(sampler, convention, steps, shift)
                inputs = {"sample": sample.to(dtype), "model_outputs": model_outputs.to(dtype)}
                ours = support.inspect_run("scheduler", self.folder, inputs, "--sampler", sampler,
                                           "--sigma-convention", convention)
                torch.testing.assert_close(ours["sigmas"].float(), scheduler.sigmas, rtol=2e-7, atol=0)
                if sampler == "unipc":
                    self.assertEqual(ours["timesteps"].tolist(), scheduler.timesteps.tolist())
                elif convention == "diffusers":  # not truncated, which the transformer sees
                    torch.testing.assert_close(ours["timesteps"].float(), scheduler.timesteps, rtol=2e-7, atol=0)
                results[name] = trajectory(scheduler, dtype=dtype, **inputs)
                results[f"lintorch {name}"] = ours["samples"]
            for i in range(steps):
                errors = [support.relative_error(results[f"lintorch {name}"][i], results[name][i]) for name in dtypes]
                if len(errors) == 2:
                    errors.append(errors[1] - support.relative_error(results["fp32"][i], results["fp64"][i]))
                for name, error in zip(worst, errors):
                    worst[name] = max(worst[name], error)
        print(f"{sampler}, {convention} sigmas, largest relative error of a step:",
              ", ".join(f"{error:.2e} {name}" for name, error in worst.items()), flush=True)
        self.assertLessEqual(worst["fp64"], 1e-6)
        self.assertLessEqual(worst["fp32 beyond the reference's own"], 1e-6)

    def test_unipc_diffusers_sigmas(self):
        self.check("unipc", "diffusers")

    def test_unipc_wan_sigmas(self):
        self.check("unipc", "wan")

    def test_euler_diffusers_sigmas(self):
        self.check("euler", "diffusers")

    def test_euler_wan_sigmas(self):
        self.check("euler", "wan")


if __name__ == "__main__":
    support.main()
