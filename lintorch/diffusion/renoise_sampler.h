#pragma once

#include "lintorch/diffusion/sampler.h"

namespace lintorch::diffusion {

/// Predicts the clean sample and noises it again to the next time, with new noise:
///
///   x_0 = x_i - s_i v(x_i, s_i),   x_{i+1} = (1 - s_{i+1}) x_0 + s_{i+1} noise_i;   the last step gives x_0.
///
/// This is how a model distilled by distribution matching is trained and sampled. Timesteps are not truncated.
/// Source: DMD2 (arXiv:2405.14867) Sec. 4.4; Consistency Models (arXiv:2303.01469) Algorithm 1.
class RenoiseSampler : public Sampler {
 public:
  /// Throws ConfigError for sigmas that do not fall to 0 or a missing noise source.
  RenoiseSampler(std::vector<double> sigmas, NoiseSource noise);
  at::Tensor step(const at::Tensor& velocity, int64_t i, const at::Tensor& x) override;

 private:
  NoiseSource noise_;
};

}  // namespace lintorch::diffusion
