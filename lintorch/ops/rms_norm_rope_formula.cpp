#include "lintorch/ops/rms_norm_rope_formula.h"

#include <torch/library.h>

#include "lintorch/ops/bmm_accumulate.h"
#include "lintorch/ops/rope_3d.h"

namespace lintorch::ops {
namespace {

// Every head of x_BLD by the rotations (way 0) or their inverses (way 1).
at::Tensor rotate(const at::Tensor& x_BLD, const at::Tensor& table_2L1P, int64_t way) {
  const at::Tensor x_BLNK = x_BLD.unflatten(-1, {-1, 2 * table_2L1P.size(3)});
  return (way == 0 ? rope_3d : rope_3d_inverse)(x_BLNK, table_2L1P, x_BLD.scalar_type()).flatten(2);
}

}  // namespace

std::tuple<at::Tensor, at::Tensor> rms_norm_rope_formula(const at::Tensor& x_in, const at::Tensor& weight,
                                                         const std::optional<at::Tensor>& table, double eps,
                                                         bool keep_statistics) {
  const at::Tensor x = x_in.to(accumulate_dtype(x_in.scalar_type()));
  const at::Tensor r = (x.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
  at::Tensor y = x * r * weight;
  if (table) y = rotate(y, *table, 0);
  return {y.to(x_in.scalar_type()), keep_statistics ? r.squeeze(-1) : at::Tensor()};
}

std::tuple<at::Tensor, at::Tensor> rms_norm_rope_backward_formula(const at::Tensor& d_y, const at::Tensor& x_in,
                                                                  const at::Tensor& weight,
                                                                  const std::optional<at::Tensor>& table,
                                                                  const at::Tensor& r_BL, bool want_weight) {
  const at::ScalarType wide = accumulate_dtype(x_in.scalar_type());
  const at::Tensor x = x_in.to(wide), r = r_BL.unsqueeze(-1);
  const at::Tensor d_scaled = table ? rotate(d_y.to(wide), *table, 1) : d_y.to(wide);
  const at::Tensor g = d_scaled * weight;
  const at::Tensor d_x = r * (g - x * r.square() * (g * x).mean(-1, /*keepdim=*/true));
  return {d_x.to(x_in.scalar_type()), want_weight ? (d_scaled * x * r).flatten(0, 1).sum(0) : at::Tensor()};
}

TORCH_LIBRARY_FRAGMENT(lintorch, m) {
  m.def("rms_norm_rope(Tensor x, Tensor weight, Tensor? table, float eps, bool keep_statistics) -> (Tensor, Tensor)");
  m.def(
      "rms_norm_rope_backward(Tensor d_y, Tensor x, Tensor weight, Tensor? table, Tensor r, bool want_weight) "
      "-> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(lintorch, CompositeExplicitAutograd, m) {
  m.impl("rms_norm_rope", rms_norm_rope_formula);
  m.impl("rms_norm_rope_backward", rms_norm_rope_backward_formula);
}

}  // namespace lintorch::ops
