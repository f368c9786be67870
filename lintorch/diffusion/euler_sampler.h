#pragma once

#include "lintorch/diffusion/sampler.h"

namespace lintorch::diffusion {

/// The explicit Euler rule: x_{i+1} = x_i + (s_{i+1} - s_i) v(x_i, s_i).
/// as_diffusers: sigmas and timesteps in fp32, timesteps not truncated, as FlowMatchEulerDiscreteScheduler has them.
class EulerSampler : public Sampler {
 public:
  explicit EulerSampler(std::vector<double> sigmas, bool as_diffusers = false);
  at::Tensor step(const at::Tensor& velocity, int64_t i, const at::Tensor& x) override;
};

}  // namespace lintorch::diffusion
