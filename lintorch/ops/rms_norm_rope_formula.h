#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

namespace lintorch::ops {

/// lintorch::rms_norm_rope: y = rotate(x r weight), r = rsqrt(mean(x^2) + eps), [B, L, D] in the dtype of x; no
/// rotation without a table; r [B, L] if asked for. The kernel's formula in ATen: fp32 (fp64 for fp64) inside.
std::tuple<at::Tensor, at::Tensor> rms_norm_rope_formula(const at::Tensor& x, const at::Tensor& weight,
                                                         const std::optional<at::Tensor>& table, double eps,
                                                         bool keep_statistics);

/// lintorch::rms_norm_rope_backward. With g = unrotate(d_y) weight:
///   d_x = r (g - x r^2 mean(g x));  d_weight = sum unrotate(d_y) x r, fp32 [D], undefined unless wanted.
std::tuple<at::Tensor, at::Tensor> rms_norm_rope_backward_formula(const at::Tensor& d_y, const at::Tensor& x,
                                                                  const at::Tensor& weight,
                                                                  const std::optional<at::Tensor>& table,
                                                                  const at::Tensor& r, bool want_weight);

}  // namespace lintorch::ops
