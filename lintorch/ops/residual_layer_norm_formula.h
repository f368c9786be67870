#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

namespace lintorch::ops {

using OptionalTensor = std::optional<at::Tensor>;

/// lintorch::residual_layer_norm: x' = x + update gate (undefined without an update), h = LN(x') scale + shift as
/// `dtype` (undefined without a scale), statistics [B, L, 2] = (mean, 1 / deviation) if asked for. The kernel's
/// formula in ATen: fp32 (fp64 for fp64) inside, LN taken of x' as rounded to the dtype of x.
std::tuple<at::Tensor, at::Tensor, at::Tensor> residual_layer_norm_formula(
    const at::Tensor& x, const OptionalTensor& update, const OptionalTensor& gate, const OptionalTensor& scale,
    const OptionalTensor& shift, double eps, at::ScalarType dtype, bool keep_statistics);

/// lintorch::residual_layer_norm_backward. With n = (x' - mean) r, g = d_h scale:
///   d_x = d_x' + r (g - mean(g) - n mean(g n));  d_update = d_x gate;
///   d_gate = sum_L d_x update;  d_scale = sum_L d_h n;  d_shift = sum_L d_h.
/// d_x' (`d_x_out`) and d_h are absent where they are zero; scale absent: no norm. -> d_x (dtype of x'), d_update
/// (`update_dtype`), d_gate, d_scale, d_shift ([B, 1, D], fp32), each undefined unless wanted and present.
std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor> residual_layer_norm_backward_formula(
    const OptionalTensor& d_x_out, const OptionalTensor& d_h, const OptionalTensor& x_out, const OptionalTensor& update,
    const OptionalTensor& gate, const OptionalTensor& scale, const OptionalTensor& statistics,
    at::ScalarType update_dtype, bool want_update, bool want_gate, bool want_modulation);

}  // namespace lintorch::ops
