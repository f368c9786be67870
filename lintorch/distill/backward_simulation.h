#pragma once

#include <ATen/core/Tensor.h>

#include "lintorch/diffusion/sampler.h"
#include "lintorch/linvideo/state_batch.h"

namespace lintorch::distill {

/// A generator's input at one step of its own few-step trajectory, and what it makes of it.
struct GeneratorOutput {
  int64_t step = 0;         ///< of the sampler
  at::Tensor x_BCTHW;       ///< input, without gradients
  at::Tensor x0_hat_BCTHW;  ///< x - t u^(x, t): the sample, with gradients if they are on
};

/// Backward simulation: walks the generator's own sampler from noise through the steps before `step` without gradients, and
/// evaluates the generator at that step, with gradients if they are on. Training inputs are thus the states that the
/// generator meets when it is used, not noised data.
///
/// generator: u^(x, timestep, text). noise_BCTHW: the state at the sampler's first time. step in [0, num_steps()).
/// Under autocast the cache of cast weights is cleared in between (TrainUnit::training_loss says why).
/// Source: DMD2 (arXiv:2405.14867) Sec. 4.5; gradients at the last executed step only: Self Forcing (arXiv:2506.08009).
GeneratorOutput simulate_backward(const linvideo::VelocityFunction& generator, diffusion::Sampler& sampler,
                                  int64_t step, const at::Tensor& noise_BCTHW, const at::Tensor& text_BSD);

}  // namespace lintorch::distill
