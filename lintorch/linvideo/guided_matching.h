#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::linvideo {

/// Error of the velocity that guided sampling uses, g = u_uncond + w (u_cond - u_uncond), for a batch whose first half are the
/// conditional and whose second half the unconditional branches of the same states:
///
///   L_guided = mean (g - g^)^2 / (w^2 + (w - 1)^2)
///
/// The divisor is what independent errors of both branches are multiplied by, so that L_guided compares with L_mse: it is
/// smaller where the branches err alike, and that is what the sampler sees. Both are [2B, C, T, H, W]; the teacher's is detached.
/// Not in the paper. Throws Error for an odd batch.
at::Tensor guided_matching_loss(const at::Tensor& velocity_hat_BCTHW, const at::Tensor& velocity_BCTHW,
                                double guidance);

}  // namespace lintorch::linvideo
