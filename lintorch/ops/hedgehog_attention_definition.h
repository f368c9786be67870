#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::ops {

/// Hedgehog attention by its O(L^2) definition: A_ij = phi(q_i) . phi(k_j), rows divided by their sum, o = A v.
/// A different algebra from hedgehog_attention, for tests. Same arguments; differentiable by LibTorch.
at::Tensor hedgehog_attention_definition(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                                         const at::Tensor& w_q_NKM, const at::Tensor& w_k_NKM);

}  // namespace lintorch::ops
