#pragma once

#include <ATen/core/Tensor.h>

#include <array>

namespace lintorch::ops {

/// What the backward needs besides the inputs. X = N * B, heads outermost.
struct HedgehogState {
  at::Tensor s_XEV;       ///< sum_j phi(k_j)^T (v_j - v_mean), accumulate dtype; rounded to bf16 by the kernel
  at::Tensor z_XE;        ///< sum_j phi(k_j), accumulate dtype
  at::Tensor v_mean_X1V;  ///< mean of v over the tokens, accumulate dtype
};

/// hedgehog_attention as batched matrix products, on any device:
///   S = sum_j phi(k_j)^T v_j - z v_mean^T;  o_i = v_mean + phi(q_i) S / (phi(q_i) . z).
/// Centring is exact in real arithmetic; without it a bf16 S ruins the gradients of q and k when V has a mean, because
/// they are differences of nearly equal numbers. S is centred in fp32 and then rounded: rounding v - v_mean itself
/// would bias it. phi is rounded to the dtype of the inputs before the sums.
at::Tensor hedgehog_attention_composed(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                                       const at::Tensor& w_q_NKM, const at::Tensor& w_k_NKM, HedgehogState& state);

struct HedgehogGradients {
  at::Tensor q_BLNK, k_BLNK, v_BLNV, w_q_NKM, w_k_NKM;  ///< undefined where not needed
};

/// Gradients of hedgehog_attention_composed, phi recomputed. With n_i = 1 / (phi(q_i) . z), g_i = do_i S^T,
/// delta_i = n_i phi(q_i) . g_i:
///   dphi(q_i) = n_i (g_i - delta_i z);   dS = sum_i n_i phi(q_i)^T do_i;   dz = -sum_i n_i delta_i phi(q_i);
///   dphi(k_j) = (v_j - v_mean) dS^T + dz;   dv_j = phi(k_j) dS.
/// `needed` is in the order q, k, v, w_q, w_k.
HedgehogGradients hedgehog_attention_composed_backward(const at::Tensor& grad_o_BLNV, const at::Tensor& q_BLNK,
                                                       const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                                                       const at::Tensor& w_q_NKM, const at::Tensor& w_k_NKM,
                                                       const HedgehogState& state, const std::array<bool, 5>& needed);

}  // namespace lintorch::ops
