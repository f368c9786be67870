#pragma once

#include <ATen/core/Tensor.h>

#include <array>

namespace lintorch::ops {

/// Channels of one head given to the time, height and width axes: h = w = 2 (K / 6), t = K - h - w
/// (128 -> 44, 42, 42). Throws Error unless K is even and at least 6.
std::array<int64_t, 3> rope_3d_split(int64_t head_dim);

/// Rotations of Wan's three-axis RoPE, exp(i pos theta^(-2j/D)) with D the channels of the axis, and their inverses;
/// tokens in the order t, h, w with w fastest. grid: tokens per axis -> [2, L, 1, K/2], complex64 (complex128 if `dtype`
/// is fp64), computed in fp64. Reference: wan/modules/model.py, rope_params.
at::Tensor rope_3d_table(const std::array<int64_t, 3>& grid, int64_t head_dim, at::ScalarType dtype,
                         const at::Device& device, double theta = 10000.0);

/// Rotates the pairs of adjacent channels (2i, 2i+1) of x_BLNK by the table; computed in the precision of the table,
/// returned as `dtype`. Differentiable once with respect to x.
at::Tensor rope_3d(const at::Tensor& x_BLNK, const at::Tensor& table_2L1P, at::ScalarType dtype);

/// The opposite rotation: undoes rope_3d up to rounding.
at::Tensor rope_3d_inverse(const at::Tensor& x_BLNK, const at::Tensor& table_2L1P, at::ScalarType dtype);

}  // namespace lintorch::ops
