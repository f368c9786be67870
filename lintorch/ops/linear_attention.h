#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::ops {

/// relu(x), elementwise: E = K features.
at::Tensor relu_feature_map(const at::Tensor& x_BLNK);

/// phi(x) = [1, x / K^(1/4), vec(x x^T) / (sqrt(2) sqrt(K))], so that phi(q).phi(k) = 1 + s + s^2/2 with
/// s = q.k / sqrt(K): the second-order expansion of exp(s), always >= 1/2. E = 1 + K + K^2 features.
at::Tensor taylor_feature_map(const at::Tensor& x_BLNK);

/// Bidirectional linear attention on given features: o_i = phi_q_i S / max(phi_q_i . z, 1e-6),
/// S = sum_j phi_k_j^T v_j, z = sum_j phi_k_j. Features must be non-negative or have positive products.
///
/// Computed in fp32 (fp64 for fp64 inputs), result in the dtype of v; V is centred before the sums, so a query whose
/// features are all zero gets the mean of V. Differentiable by LibTorch. Throws Error if shapes disagree.
at::Tensor linear_attention(const at::Tensor& phi_q_BLNE, const at::Tensor& phi_k_BLNE, const at::Tensor& v_BLNV);

}  // namespace lintorch::ops
