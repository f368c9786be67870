#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::ops {

/// Softmax attention with operands in FP8 (e4m3), bidirectional, no mask, no gradients:
///
///     q' = e4m3(2^a q),  k' = e4m3(2^b (k - mean_S k)),  v' = e4m3(2^c (v - mean_S v))
///     p_ij = exp(s_ij - max_j s_ij),  s_ij = 2^(-a-b) q'_i . k'_j / sqrt(K)
///     o_i = mean_S v + 2^(1-c) e4m3(sum_j e4m3(256 p_ij) v'_j / (512 sum_j p_ij))
///
/// Softmax does not see a constant added to all keys, and its weights sum to one, so neither mean changes the result; what they
/// add to the rounding errors, which are relative to the element, goes. Means are per batch element, head and channel, in fp32.
/// 2^a, 2^b, 2^c are the largest powers of two that keep a whole tensor within 448: powers of two, so that a sample's bits hang
/// little on what else is in the batch; one for all heads, because a floating-point format loses nothing by a scale until 2^-6.
/// o is at most as large as v - mean, so its scale is known beforehand: half that of v, as rounded weights may sum to more
/// than one. Error of o - mean_S v for normal inputs: 7 % (q, k, v and p 3.4 each, the last rounding 2.7).
///
/// q_BLNK, k_BSNK, v_BSNV of one dtype, fp32 or bf16, any strides -> o_BLNV, contiguous. CUDA: cuDNN (9.7 and later, sm_90 and
/// later, K and V multiples of 16 up to 256, 128 from sm_100), plans kept per thread, device and shape; the factor 256 refers
/// to the running maximum there. Elsewhere, and with fused kernels off: composed from LibTorch's operators in fp32.
/// Throws NotSupportedError with cuDNN's words where it refuses, and if gradients are wanted; Error if shapes disagree.
/// Sources: FP8 Formats for Deep Learning (arXiv:2209.05433); mean of k: SageAttention (arXiv:2410.02367) section 4.2.
at::Tensor fp8_attention(const at::Tensor& q_BLNK, const at::Tensor& k_BSNK, const at::Tensor& v_BSNV);

}  // namespace lintorch::ops
