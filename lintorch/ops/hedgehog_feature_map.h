#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::ops {

/// phi(x) = [softmax(x W), softmax(-x W)], one W per head; E = 2M features, each half sums to 1.
///
/// x_BLNK: [B, L, N, K], w_NKM: [N, K, M] -> [B, L, N, 2M] in the dtype of x; the product and the softmax are computed
/// in fp32 (fp64 for fp64 inputs). Differentiable by LibTorch. flash-linear-attention's map of the same name, one
/// softmax over [2y, -2y] with bias, is a different function. Throws Error if shapes disagree.
/// Source: LinVideo (arXiv:2510.08318) Eq. 6; Hedgehog (arXiv:2402.04347).
at::Tensor hedgehog_feature_map(const at::Tensor& x_BLNK, const at::Tensor& w_NKM);

}  // namespace lintorch::ops
