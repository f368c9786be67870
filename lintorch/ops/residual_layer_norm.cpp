#include "lintorch/ops/residual_layer_norm.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/layer_norm.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/ops/fused_kernels.h"
#include "lintorch/ops/residual_layer_norm_formula.h"

namespace lintorch::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

OptionalTensor optional(const at::Tensor& x) { return x.defined() ? OptionalTensor(x) : std::nullopt; }

// LibTorch's own operators: what the model computes without kernels.
ResidualNorm composed(const at::Tensor& x_BLD, const std::optional<GatedUpdate>& update, const at::Tensor& shift,
                      const at::Tensor& scale, double eps, at::ScalarType dtype) {
  at::Tensor x = x_BLD, h;
  if (update) {
    x = update->gate_B1D.defined() ? at::addcmul(x_BLD, update->update_BLD, update->gate_B1D)
                                   : x_BLD + update->update_BLD;
    x = x.to(x_BLD.scalar_type());
  }
  if (scale.defined()) {
    const at::Tensor wide = x.to(scale.scalar_type());
    h = scale.dim() == 1 ? at::layer_norm(wide, {x.size(-1)}, scale, shift, eps)
                         : at::addcmul(shift, at::layer_norm(wide, {x.size(-1)}, {}, {}, eps), scale);
    h = h.to(dtype);
  }
  return {x, h};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> call_forward(const at::Tensor& x, const OptionalTensor& update,
                                                            const OptionalTensor& gate, const OptionalTensor& scale,
                                                            const OptionalTensor& shift, double eps,
                                                            at::ScalarType dtype, bool keep_statistics) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("lintorch::residual_layer_norm", "")
                             .typed<decltype(residual_layer_norm_formula)>();
  return op.call(x, update, gate, scale, shift, eps, dtype, keep_statistics);
}

struct ResidualLayerNorm : torch::autograd::Function<ResidualLayerNorm> {
  /// -> {x', h}, or {x'} without a norm. Modulation as [.., 1, D].
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const OptionalTensor& update,
                               const OptionalTensor& gate, const OptionalTensor& scale, const OptionalTensor& shift,
                               double eps, int64_t dtype) {
    context->set_materialize_grads(false);
    const auto wants = [](const OptionalTensor& tensor) { return tensor && tensor->requires_grad(); };
    context->saved_data["want_update"] = wants(update);
    context->saved_data["want_gate"] = wants(gate);
    context->saved_data["want_modulation"] = wants(scale) || wants(shift);
    context->saved_data["update_dtype"] = static_cast<int64_t>((update ? *update : x).scalar_type());
    auto [x_out, h, statistics] =
        call_forward(x, update, gate, scale, shift, eps, static_cast<at::ScalarType>(dtype), true);
    if (!x_out.defined()) x_out = x;
    context->save_for_backward({scale ? x_out : at::Tensor(), wants(gate) ? *update : at::Tensor(),
                                gate.value_or(at::Tensor()), scale.value_or(at::Tensor()), statistics});
    if (!scale) return {x_out};
    return {x_out, h};
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    LT_CHECK(!at::GradMode::is_enabled(), NotSupportedError,
             "[residual_layer_norm] is differentiable once: no gradients of gradients");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const variable_list saved = context->get_saved_variables();
    const OptionalTensor d_x_out = optional(grads[0]), d_h = grads.size() > 1 ? optional(grads[1]) : std::nullopt;
    if (!d_x_out && !d_h) return variable_list(7);
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("lintorch::residual_layer_norm_backward", "")
                               .typed<decltype(residual_layer_norm_backward_formula)>();
    const auto flag = [&](const char* name) { return context->saved_data[name].toBool(); };
    auto [d_x, d_update, d_gate, d_scale, d_shift] =
        op.call(d_x_out, d_h, optional(saved[0]), optional(saved[1]), optional(saved[2]),
                d_h ? optional(saved[3]) : std::nullopt, d_h ? optional(saved[4]) : std::nullopt,
                static_cast<at::ScalarType>(context->saved_data["update_dtype"].toInt()), flag("want_update"),
                flag("want_gate"), flag("want_modulation"));
    // One set of parameters may serve the whole batch.
    const auto reduced = [](const at::Tensor& grad, const at::Tensor& parameter) {
      return grad.defined() ? grad.sum_to_size(parameter.sizes()) : grad;
    };
    return {
        d_x,          d_update,    reduced(d_gate, saved[2]), reduced(d_scale, saved[3]), reduced(d_shift, saved[3]),
        at::Tensor(), at::Tensor()};
  }
};

void check_modulation(const at::Tensor& parameter, const at::Tensor& x_BLD, bool affine, std::string_view what) {
  if (affine) return check_shape(parameter, {x_BLD.size(2)}, what);
  check_shape(parameter, {-1, 1, x_BLD.size(2)}, what);
  LT_CHECK(parameter.size(0) == 1 || parameter.size(0) == x_BLD.size(0), Error,
           "[{}] expected a batch of 1 or {}, got {}", what, x_BLD.size(0), parameter.size(0));
}

// One dispatch for all public functions; scale and shift undefined: no norm.
ResidualNorm run(const at::Tensor& x_BLD, const std::optional<GatedUpdate>& update, const at::Tensor& shift,
                 const at::Tensor& scale, double eps, at::ScalarType dtype) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::ScalarType x_dtype = x_BLD.scalar_type();
  // The kernels know x fp32 with update and h both fp32 or both bf16, or everything bf16.
  const at::ScalarType io = scale.defined() ? dtype : update->update_BLD.scalar_type();
  const bool served = fused_kernels_serve(x_BLD, x_BLD.size(2)) && x_BLD.numel() > 0 &&
                      (io == x_dtype || (x_dtype == at::kFloat && io == at::kBFloat16)) &&
                      (!update || update->update_BLD.scalar_type() == io);
  if (!served) return composed(x_BLD, update, shift, scale, eps, dtype);

  const at::ScalarType wide = x_dtype == at::kDouble ? at::kDouble : at::kFloat;
  const auto parameter = [&](const at::Tensor& x) -> OptionalTensor {
    if (!x.defined()) return std::nullopt;
    return x.to(wide).view({-1, 1, x.size(-1)});
  };
  const OptionalTensor added = update ? optional(update->update_BLD) : std::nullopt;
  const OptionalTensor gate = update ? parameter(update->gate_B1D) : std::nullopt;
  const OptionalTensor scale_X1D = parameter(scale), shift_X1D = parameter(shift);
  const auto requires_grad = [](const OptionalTensor& x) { return x && x->requires_grad(); };
  if (at::GradMode::is_enabled() && (x_BLD.requires_grad() || requires_grad(added) || requires_grad(gate) ||
                                     requires_grad(scale_X1D) || requires_grad(shift_X1D))) {
    const variable_list result =
        ResidualLayerNorm::apply(x_BLD, added, gate, scale_X1D, shift_X1D, eps, static_cast<int64_t>(dtype));
    return {result[0], result.size() > 1 ? result[1] : at::Tensor()};
  }
  auto [x_out, h, statistics] = call_forward(x_BLD, added, gate, scale_X1D, shift_X1D, eps, dtype, false);
  return {x_out.defined() ? x_out : x_BLD, h};
}

}  // namespace

ResidualNorm residual_layer_norm(const at::Tensor& x_BLD, const std::optional<GatedUpdate>& update,
                                 const at::Tensor& shift, const at::Tensor& one_plus_scale, double eps,
                                 at::ScalarType dtype) {
  check_shape(x_BLD, {-1, -1, -1}, "residual_layer_norm: x");
  const bool affine = one_plus_scale.dim() == 1;
  check_modulation(one_plus_scale, x_BLD, affine, "residual_layer_norm: scale");
  check_modulation(shift, x_BLD, affine, "residual_layer_norm: shift");
  if (update) {
    check_shape(update->update_BLD, x_BLD.sizes().vec(), "residual_layer_norm: update");
    if (update->gate_B1D.defined()) check_modulation(update->gate_B1D, x_BLD, false, "residual_layer_norm: gate");
  }
  return run(x_BLD, update, shift, one_plus_scale, eps, dtype);
}

at::Tensor layer_norm_modulate(const at::Tensor& x_BLD, const at::Tensor& shift, const at::Tensor& one_plus_scale,
                               double eps, at::ScalarType dtype) {
  return residual_layer_norm(x_BLD, std::nullopt, shift, one_plus_scale, eps, dtype).h_BLD;
}

at::Tensor gated_residual(const at::Tensor& x_BLD, const GatedUpdate& update) {
  check_shape(x_BLD, {-1, -1, -1}, "gated_residual: x");
  check_shape(update.update_BLD, x_BLD.sizes().vec(), "gated_residual: update");
  if (update.gate_B1D.defined()) check_modulation(update.gate_B1D, x_BLD, false, "gated_residual: gate");
  return run(x_BLD, update, {}, {}, 0, x_BLD.scalar_type()).x_BLD;
}

}  // namespace lintorch::ops
