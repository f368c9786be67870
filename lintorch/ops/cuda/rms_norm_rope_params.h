#pragma once

#include <cstdint>

#include "lintorch/ops/cuda/kernel_dtype.h"
#include "lintorch/ops/cuda/row_split.h"

namespace lintorch::ops {

/// y = rotate(x r weight), r = rsqrt(mean(x^2) + eps); see rms_norm_rope_formula.h. x, y of one dtype, the rest fp32;
/// pointers 16-byte aligned, strides of x multiples of 8.
struct RmsNormRopeParams {
  const void* x;        // [B, L, D] at the strides of batch and token
  const float* weight;  // [D]
  const float* table;   // [L, K/2] pairs (cos, sin); null: no rotation
  void* y;              // [B, L, D] contiguous
  float* r;             // [B, L]; null: not wanted
  int64_t x_batch_stride, x_token_stride;
  int64_t batches, tokens;
  int32_t width, head_dim;  // head_dim a multiple of 8 that divides width, with a table
  float eps;
  KernelDtype dtype;
};

/// Its backward. d_y, x, d_x of one dtype. d_weight_partial: [B * split.blocks_per_batch, D], to be added over its
/// first axis, null: not wanted; split = RowSplit::make(batches, tokens, width, kBackwardBlocks).
struct RmsNormRopeBackwardParams {
  const void* d_y;      // [B, L, D] contiguous
  const void* x;        // [B, L, D] at the strides of batch and token
  const float* weight;  // [D]
  const float* table;   // as forward: the rotation is undone here
  const float* r;       // [B, L]
  void* d_x;            // [B, L, D] contiguous
  float* d_weight_partial;
  int64_t x_batch_stride, x_token_stride;
  int64_t batches, tokens;
  int32_t width, head_dim;
  KernelDtype dtype;
};

/// Launch on a CUDA stream (cudaStream_t as void*). Return the CUDA error code, 0 = launched.
int launch_rms_norm_rope(const RmsNormRopeParams& params, void* stream);
int launch_rms_norm_rope_backward(const RmsNormRopeBackwardParams& params, void* stream);

}  // namespace lintorch::ops
