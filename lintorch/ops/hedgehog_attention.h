#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::ops {

/// Bidirectional Hedgehog attention: o_i = phi(q_i) S / (phi(q_i) . z), S = sum_j phi(k_j)^T v_j, z = sum_j phi(k_j),
/// phi(x) = [softmax(x W), softmax(-x W)], one W per head. Linear in L.
///
/// q_BLNK, k_BLNK: after RMSNorm and RoPE; v_BLNV: values; w_q_NKM, w_k_NKM: weights of the map -> o_BLNV, dtype of v.
/// All inputs of one dtype (fp64, fp32 or bf16); under autocast they are first cast to its dtype. Sums are
/// accumulated in fp32 (fp64 for fp64). No eps: each half of phi sums to 1, so the denominator is positive.
/// The backward is a formula that recomputes phi: only inputs and the [E, V] state are kept. Differentiable once.
/// Throws Error if shapes or dtypes disagree. Source: LinVideo (arXiv:2510.08318) Eq. 5, 6. Derivation:
/// docs/derivations/hedgehog_attention_backward.md.
at::Tensor hedgehog_attention(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                              const at::Tensor& w_q_NKM, const at::Tensor& w_k_NKM);

}  // namespace lintorch::ops
