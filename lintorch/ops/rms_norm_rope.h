#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::ops {

/// x rsqrt(mean(x^2) + eps) weight over the last axis, statistics in fp32; returned as `dtype`. Where x is of lower
/// precision than the weight, the composition rounds the normalised value to the dtype of x first (official Wan); the
/// CUDA kernel rounds once, at the end. Differentiable once.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight_D, double eps, at::ScalarType dtype);

/// RMSNorm over the full width, then three-axis RoPE of each head: x_BLD -> [B, L, N, K], K = 2 table.size(3), as
/// `dtype`. Rows of x may be strided (a slice of a fused projection). One pass over memory on CUDA, forward and
/// backward (the gradient of the weight in two deterministic stages), where K is a multiple of 8 and `dtype` that of x;
/// rms_norm and rope_3d otherwise. Differentiable once with respect to x and weight.
/// table_2L1P: rope_3d_table.
at::Tensor rms_norm_rope(const at::Tensor& x_BLD, const at::Tensor& weight_D, const at::Tensor& table_2L1P, double eps,
                         at::ScalarType dtype);

}  // namespace lintorch::ops
