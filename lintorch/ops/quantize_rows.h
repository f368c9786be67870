#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::ops {

/// A matrix in FP8 (e4m3, largest value 448) with one scale a row: x = scale * values.
struct QuantizedRows {
  at::Tensor values_RK;  ///< Float8_e4m3fn, contiguous
  at::Tensor scale_R1;   ///< fp32
};

/// What is done to the elements before they are quantized.
enum class RowActivation { kNone, kGeluTanh };

/// y = activation(x) in fp32; scale_r = max_k |y_rk| / 448 (1 for a row of zeros); values = round(y / scale) to e4m3.
/// x_RK: fp32 or bf16, on any device; a kernel of its own on CUDA for K a multiple of 8 up to 16384. Relative error of an
/// element at most 2^-4, of a row in the mean about 2.5 %. No gradients.
/// Source: FP8 Formats for Deep Learning (arXiv:2209.05433).
QuantizedRows quantize_rows(const at::Tensor& x_RK, RowActivation activation = RowActivation::kNone);

/// x W^T + bias of quantized rows and weight rows [O, K] (one scale an output), in bf16 with fp32 sums: cuBLASLt or CUTLASS on
/// CUDA (sm_89 and later), elsewhere the product of the values scaled back, in fp32. bias: bf16 or fp32 [O].
at::Tensor quantized_linear(const QuantizedRows& x, const QuantizedRows& weight, const at::Tensor& bias_O);

}  // namespace lintorch::ops
