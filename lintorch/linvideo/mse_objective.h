#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::linvideo {

/// L_mse = mean || u - u^ ||^2: velocity matching, the baseline of the paper.
///
/// velocity_hat_BCTHW: student, with gradients; velocity_BCTHW: teacher. Returns a scalar; the mean runs over all
/// elements (the paper prints a sum; a mean keeps learning rates comparable across sizes and objectives).
/// Source: LinVideo (arXiv:2510.08318) Eq. 7.
at::Tensor mse_objective(const at::Tensor& velocity_hat_BCTHW, const at::Tensor& velocity_BCTHW);

}  // namespace lintorch::linvideo
