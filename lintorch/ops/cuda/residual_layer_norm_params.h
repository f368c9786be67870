#pragma once

#include <cstdint>

#include "lintorch/ops/cuda/kernel_dtype.h"
#include "lintorch/ops/cuda/row_split.h"

namespace lintorch::ops {

/// x' = x + update gate, h = LN(x') scale + shift; see residual_layer_norm_formula.h. Rows are contiguous, all pointers
/// 16-byte aligned. x, x' of `x_dtype`; update, h of `io_dtype`, which is x_dtype or bf16; the rest fp32.
struct ResidualLayerNormParams {
  const void* x;       // [B, L, D]
  const void* update;  // [B, L, D], null: none
  const float* gate;   // [B, D] at the batch stride, null: 1
  const float* scale;  // same; null: no norm
  const float* shift;  // same
  void* x_out;         // [B, L, D], with an update only
  void* h;             // [B, L, D], with a norm only
  float* statistics;   // [B, L, 2] mean, 1 / deviation; null: not wanted
  int64_t gate_stride, scale_stride, shift_stride;
  int64_t batches, tokens;
  int32_t width;
  float eps;
  KernelDtype x_dtype, io_dtype;
};

/// Its backward. d_x_out and d_x of x_dtype; d_h, update, d_update of io_dtype. Null inputs count as zero (d_x_out) or
/// are not needed; null outputs are not wanted. The partial sums are [B, split.blocks_per_batch, D], to be added over
/// their second axis; split = RowSplit::make(batches, tokens, width, kBackwardBlocks).
struct ResidualLayerNormBackwardParams {
  const void* d_x_out;      // [B, L, D]
  const void* d_h;          // [B, L, D]; null: no norm (then d_x is d_x_out and not written)
  const void* x_out;        // [B, L, D], with a norm
  const void* update;       // [B, L, D], for d_gate
  const float* gate;        // [B, D] at the batch stride, null: 1
  const float* scale;       // same
  const float* statistics;  // [B, L, 2]
  void* d_x;                // [B, L, D], with a norm
  void* d_update;           // [B, L, D]
  float* d_gate_partial;
  float* d_scale_partial;  // both or neither
  float* d_shift_partial;
  int64_t gate_stride, scale_stride;
  int64_t batches, tokens;
  int32_t width;
  KernelDtype x_dtype, io_dtype;
};

/// Launch on a CUDA stream (cudaStream_t as void*). Return the CUDA error code, 0 = launched.
int launch_residual_layer_norm(const ResidualLayerNormParams& params, void* stream);
int launch_residual_layer_norm_backward(const ResidualLayerNormBackwardParams& params, void* stream);

}  // namespace lintorch::ops
