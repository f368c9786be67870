#include "lintorch/ops/residual_layer_norm_formula.h"

#include <ATen/ops/stack.h>
#include <torch/library.h>

#include "lintorch/ops/bmm_accumulate.h"

namespace lintorch::ops {

std::tuple<at::Tensor, at::Tensor, at::Tensor> residual_layer_norm_formula(
    const at::Tensor& x_in, const OptionalTensor& update, const OptionalTensor& gate, const OptionalTensor& scale,
    const OptionalTensor& shift, double eps, at::ScalarType dtype, bool keep_statistics) {
  const at::ScalarType wide = accumulate_dtype(x_in.scalar_type());
  at::Tensor x = x_in.to(wide), x_out, h, statistics;
  if (update) {
    x_out = (x + (gate ? update->to(wide) * *gate : update->to(wide))).to(x_in.scalar_type());
    x = x_out.to(wide);
  }
  if (scale) {
    const at::Tensor mean = x.mean(-1, /*keepdim=*/true);
    const at::Tensor centred = x - mean;
    const at::Tensor r = (centred.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
    h = (centred * r * *scale + *shift).to(dtype);
    if (keep_statistics) statistics = at::stack({mean.squeeze(-1), r.squeeze(-1)}, -1);
  }
  return {x_out, h, statistics};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor> residual_layer_norm_backward_formula(
    const OptionalTensor& d_x_out, const OptionalTensor& d_h_in, const OptionalTensor& x_out,
    const OptionalTensor& update, const OptionalTensor& gate, const OptionalTensor& scale,
    const OptionalTensor& statistics, at::ScalarType update_dtype, bool want_update, bool want_gate,
    bool want_modulation) {
  const at::ScalarType narrow = d_x_out ? d_x_out->scalar_type() : x_out->scalar_type();
  const at::ScalarType wide = accumulate_dtype(narrow);
  at::Tensor d_x, d_update, d_gate, d_scale, d_shift;
  if (d_x_out) d_x = d_x_out->to(wide);
  if (scale) {
    const at::Tensor d_h = d_h_in->to(wide), r = statistics->narrow(-1, 1, 1);
    const at::Tensor n = (x_out->to(wide) - statistics->narrow(-1, 0, 1)) * r;
    const at::Tensor g = d_h * *scale;
    const at::Tensor through_norm = r * (g - g.mean(-1, true) - n * (g * n).mean(-1, true));
    d_x = d_x.defined() ? d_x + through_norm : through_norm;
    if (want_modulation) {
      d_scale = (d_h * n).sum(1, true);
      d_shift = d_h.sum(1, true);
    }
  }
  if (want_update) d_update = (gate ? d_x * *gate : d_x).to(update_dtype);
  if (want_gate) d_gate = (d_x * update->to(wide)).sum(1, true);
  return {d_x.to(narrow), d_update, d_gate, d_scale, d_shift};
}

TORCH_LIBRARY_FRAGMENT(lintorch, m) {
  m.def(
      "residual_layer_norm(Tensor x, Tensor? update, Tensor? gate, Tensor? scale, Tensor? shift, float eps, "
      "ScalarType dtype, bool keep_statistics) -> (Tensor, Tensor, Tensor)");
  m.def(
      "residual_layer_norm_backward(Tensor? d_x_out, Tensor? d_h, Tensor? x_out, Tensor? update, Tensor? gate, "
      "Tensor? scale, Tensor? statistics, ScalarType update_dtype, bool want_update, bool want_gate, "
      "bool want_modulation) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(lintorch, CompositeExplicitAutograd, m) {
  m.impl("residual_layer_norm", residual_layer_norm_formula);
  m.impl("residual_layer_norm_backward", residual_layer_norm_backward_formula);
}

}  // namespace lintorch::ops
