#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lintorch::linvideo {

// `gates`: r of every layer, shape [layers], values in [0,1]; 1 = softmax, 0 = linear.

/// round(r) with the gradient of the identity (straight-through estimator).
///
/// Choice: the paper leaves the gradient through the rounding open.
at::Tensor round_straight_through(const at::Tensor& gates);

/// L_con = ( sum_l (1 - round(r_l)) - target )^2: the number of linear layers against its target.
///
/// Straight-through rounding: dL_con/dr_l = -2 (#linear - target), the same for every layer.
/// Choice: as printed, Eq. 9 counts round(r), that is the softmax layers; elsewhere in the paper `target` counts the
/// layers that are replaced, so this counts 1 - round(r).
/// Source: LinVideo (arXiv:2510.08318) Eq. 9.
at::Tensor constraint_loss(const at::Tensor& gates, int64_t target);

/// L_reg = sum_l ( 1 - |2 r_l - 1|^alpha ): pushes every gate to 0 or 1, with a flat middle for large alpha.
///
/// Source: LinVideo (arXiv:2510.08318) Eq. 10.
at::Tensor regularization_loss(const at::Tensor& gates, double alpha);

/// alpha of L_reg at `progress` in [0,1]: linear from `start` to `end` over the first `fraction`, then `end`.
///
/// Choice: the paper gives 20 -> 2 and not the shape of the schedule.
double anneal_alpha(double progress, double start, double end, double fraction);

}  // namespace lintorch::linvideo
