#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::diffusion {

/// Classifier-free guidance: uncond + guidance (cond - uncond). guidance = 1 gives cond, > 1 strengthens the prompt.
/// cond, uncond: velocities of one shape.
at::Tensor guide(const at::Tensor& cond, const at::Tensor& uncond, double guidance);

}  // namespace lintorch::diffusion
