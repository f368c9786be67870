#pragma once

#include <cstddef>
#include <cstdint>

#include "lintorch/ops/cuda/kernel_dtype.h"

namespace lintorch::ops {

/// See ops/fp8_attention.h: the weights are scaled by it before they are rounded.
constexpr float kFp8WeightScale = 256;
/// Exponents of the scales stay within this, so that the product of two inverses is an fp32 number above 0: cuDNN scales the
/// logits of masked keys, -infinity, by it.
constexpr float kFp8LargestShift = 56;

/// A number on the device, aligned as cuDNN's tensors are.
struct alignas(16) Fp8AttentionScalar {
  float value;
};

/// What cuDNN reads and writes as numbers on the device, in this order.
struct Fp8AttentionScalars {
  Fp8AttentionScalar inverse_q, inverse_k, inverse_v;  ///< 1 / scale
  Fp8AttentionScalar inverse_weights, weights;         ///< 1 / 256, 256
  Fp8AttentionScalar output;                           ///< scale of o: half that of v
  Fp8AttentionScalar amax_weights, amax_output;        ///< written by cuDNN, not used
};

/// q, k or v: x [B, tokens, N, head_dim], last dimension contiguous, strides in elements and multiples of 8, 16-byte aligned.
struct Fp8AttentionOperand {
  const void* x;
  int64_t stride_B, stride_tokens, stride_N;
  int64_t tokens;
  int32_t head_dim;  ///< multiple of 8
  void* values;      ///< out, e4m3 [B, tokens, N, head_dim] contiguous
  float* mean;       ///< out, [B, N, head_dim]; null: not centred
};

struct Fp8AttentionParams {
  Fp8AttentionOperand operand[3];  ///< q, k, v
  int32_t B, N;
  KernelDtype dtype;
  Fp8AttentionScalars* scalars;  ///< out
  void* workspace;               ///< fp8_attention_workspace bytes
};

/// o = 2 inverse_v values + mean of v: the scale of o is half that of v.
struct Fp8AttentionOutputParams {
  const void* values;  ///< e4m3 [B, L, N, head_dim] contiguous
  const float* mean;   ///< [B, N, head_dim]
  const Fp8AttentionScalars* scalars;
  void* o;  ///< out, contiguous
  int64_t L;
  int32_t B, N, head_dim;
  KernelDtype dtype;  ///< of o
};

constexpr bool fp8_attention_head_dim_supported(int64_t head_dim) { return head_dim > 0 && head_dim % 16 == 0; }

/// Bytes of workspace for the sums of each thread block; of the params only sizes are read.
size_t fp8_attention_workspace(const Fp8AttentionParams& params);

/// Launch on a CUDA stream (cudaStream_t as void*). Return the CUDA error code, 0 = launched.
int launch_fp8_attention_quantize(const Fp8AttentionParams& params, void* stream);
int launch_fp8_attention_output(const Fp8AttentionOutputParams& params, void* stream);

}  // namespace lintorch::ops
