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

/// Linear attention with RoPE after the feature map, in the numerator only:
///
///   o_i = (R_i phi_q_i) S / max(phi_q_i . z, 1e-6),   S = sum_j (R_j phi_k_j)^T v_j,   z = sum_j phi_k_j
///
/// with features of unrotated q and k. R_i turns the pairs (2p, 2p + 1) of every K consecutive features by the table's
/// angles for token i, so E must be a multiple of K = 2 table.size(3). table_2L1P: rope_3d_table, of the precision that
/// sums are kept in.
///
/// The weights (R_i phi_q_i) . (R_j phi_k_j) depend on the distance of the tokens, may be negative, and do not sum to
/// the denominator, which without rotation stays positive. So a constant V is not reproduced, and V is not centred:
/// taking its mean out and adding it back, exact for linear_attention, would give another function. S is kept in fp32
/// (fp64 for fp64 inputs) and never rounded instead; result in the dtype of v. A query whose features are all zero gets
/// zero. Differentiable by LibTorch, once. Throws Error if shapes disagree.
/// Source: SANA-Video (arXiv:2509.24695) Eq. 2.
at::Tensor rotated_linear_attention(const at::Tensor& phi_q_BLNE, const at::Tensor& phi_k_BLNE,
                                    const at::Tensor& v_BLNV, const at::Tensor& table_2L1P);

}  // namespace lintorch::ops
