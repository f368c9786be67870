#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "lintorch/core/enum_names.h"

namespace lintorch::diffusion {

/// Which grid of flow times a sampler walks down, before the shift:
///   kWan:              linspace(0.999, 0, N + 1) without its end, then 0
///   kDiffusers, UniPC: linspace(1, 0.001, N + 1) without its end, a first value of 1 replaced by 1 - 1e-6, then 0
///   kDiffusers, Euler: see euler_diffusers_sigmas
/// kDiffusers is what the Diffusers class of the sampler does: UniPCMultistepScheduler since pull request 12109 (January
/// 2026; older versions agree with kWan), FlowMatchEulerDiscreteScheduler.
/// Reference: wan/utils/fm_solvers_unipc.py; diffusers/schedulers/scheduling_{unipc_multistep,flow_match_euler_discrete}.py.
enum class SigmaConvention { kWan, kDiffusers };

/// S(t) = k t / (1 + (k - 1) t): moves flow times towards the noise end (k > 1). t in [0, 1], k > 0.
double shift_time(double t, double shift);
at::Tensor shift_time(const at::Tensor& t, double shift);

/// The shifted flow times of a sampling run with UniPC: `steps` falling values and a final 0.
/// steps >= 1, shift > 0. Throws ConfigError otherwise.
std::vector<double> make_sigmas(int64_t steps, double shift, SigmaConvention convention);

/// Those of FlowMatchEulerDiscreteScheduler(shift): linspace(1, S(0.001), N), shifted once more, then 0. The class shifts
/// its training grid and takes the end points from there, so that the last step starts at S(S(0.001)), near 0.
/// S(0.001) is rounded to fp32 as there. Throws as make_sigmas.
std::vector<double> euler_diffusers_sigmas(int64_t steps, double shift);

/// S(step / 1000) for every step: the flow times of a list of training steps. With shift 5, the list 1000, 750, 500, 250
/// gives 1, 15/16, 5/6, 5/8. Throws ConfigError unless the steps fall and are in (0, 1000], and shift > 0.
std::vector<double> warp_steps(const std::vector<double>& steps, double shift);

/// S(1 - i / N), i < N: the times of N evenly spread steps, starting at 1. Throws as make_sigmas.
std::vector<double> even_times(int64_t steps, double shift);

/// x_t = (1 - t) x_0 + t noise, one flow time in [0, 1] per sample. Result has the type of x0.
/// t_B: [B]. x0, noise: [B, ...]. Throws Error if shapes disagree.
at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& t_B);

/// The velocity the network learns: d x_t / d t = noise - x_0.
at::Tensor velocity_target(const at::Tensor& x0, const at::Tensor& noise);

}  // namespace lintorch::diffusion

template <>
struct lintorch::EnumNames<lintorch::diffusion::SigmaConvention> {
  static constexpr std::pair<diffusion::SigmaConvention, std::string_view> table[] = {
      {diffusion::SigmaConvention::kWan, "wan"}, {diffusion::SigmaConvention::kDiffusers, "diffusers"}};
};
