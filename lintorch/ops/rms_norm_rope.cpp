#include "lintorch/ops/rms_norm_rope.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/rms_norm.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/ops/fused_kernels.h"
#include "lintorch/ops/rms_norm_rope_formula.h"
#include "lintorch/ops/rope_3d.h"

namespace lintorch::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// LibTorch's own operators: what the models compute without kernels.
at::Tensor composed(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (x.scalar_type() == weight.scalar_type()) return at::rms_norm(x, weight.sizes(), weight, eps);
  return at::rms_norm(x, weight.sizes(), {}, eps) * weight;
}

std::tuple<at::Tensor, at::Tensor> call_forward(const at::Tensor& x, const at::Tensor& weight,
                                                const std::optional<at::Tensor>& table, double eps,
                                                bool keep_statistics) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("lintorch::rms_norm_rope", "")
                             .typed<decltype(rms_norm_rope_formula)>();
  return op.call(x, weight, table, eps, keep_statistics);
}

// y_BLD from x_BLD, differentiable with respect to x and weight.
struct RmsNormRope : torch::autograd::Function<RmsNormRope> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& table, double eps) {
    context->saved_data["want_weight"] = weight.requires_grad();
    const auto [y, r] = call_forward(x, weight, table, eps, true);
    context->save_for_backward({x, weight, r, table.value_or(at::Tensor())});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    LT_CHECK(!at::GradMode::is_enabled(), NotSupportedError,
             "[rms_norm_rope] is differentiable once: no gradients of gradients");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const variable_list saved = context->get_saved_variables();
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("lintorch::rms_norm_rope_backward", "")
                               .typed<decltype(rms_norm_rope_backward_formula)>();
    const std::optional<at::Tensor> table = saved[3].defined() ? std::optional(saved[3]) : std::nullopt;
    const auto [d_x, d_weight] =
        op.call(grads[0], saved[0], saved[1], table, saved[2], context->saved_data["want_weight"].toBool());
    return {d_x, d_weight, at::Tensor(), at::Tensor()};
  }
};

at::Tensor fused(const at::Tensor& x_BLD, const at::Tensor& weight_D, const std::optional<at::Tensor>& table,
                 double eps) {
  const at::Tensor weight = weight_D.to(x_BLD.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  if (at::GradMode::is_enabled() && (x_BLD.requires_grad() || weight.requires_grad()))
    return RmsNormRope::apply(x_BLD, weight, table, eps);
  return std::get<0>(call_forward(x_BLD, weight, table, eps, false));
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight_D, double eps, at::ScalarType dtype) {
  LT_CHECK(x.dim() >= 1, Error, "[rms_norm] expected at least one axis");
  check_shape(weight_D, {x.size(-1)}, "rms_norm: weight");
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  if (x.dim() == 3 && x.numel() > 0 && x.scalar_type() == dtype && fused_kernels_serve(x, x.size(2)))
    return fused(x, weight_D, std::nullopt, eps);
  return composed(x, weight_D, eps).to(dtype);
}

at::Tensor rms_norm_rope(const at::Tensor& x_BLD, const at::Tensor& weight_D, const at::Tensor& table_2L1P, double eps,
                         at::ScalarType dtype) {
  check_shape(table_2L1P, {2, -1, 1, -1}, "rms_norm_rope: table");
  check_shape(x_BLD, {-1, table_2L1P.size(1), -1}, "rms_norm_rope: x");
  check_shape(weight_D, {x_BLD.size(2)}, "rms_norm_rope: weight");
  const int64_t K = 2 * table_2L1P.size(3);
  LT_CHECK(x_BLD.size(2) % K == 0, Error,
           "[rms_norm_rope] expected a width that is a multiple of the head dim {}, got {}", K, x_BLD.size(2));
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const bool table_fits = (table_2L1P.scalar_type() == at::kComplexDouble) == (x_BLD.scalar_type() == at::kDouble);
  if (x_BLD.numel() > 0 && x_BLD.scalar_type() == dtype && table_fits && (K % 8 == 0 || !x_BLD.is_cuda()) &&
      fused_kernels_serve(x_BLD, x_BLD.size(2)))
    return fused(x_BLD, weight_D, table_2L1P, eps).unflatten(-1, {-1, K});
  return rope_3d(composed(x_BLD, weight_D, eps).unflatten(-1, {-1, K}), table_2L1P, dtype);
}

}  // namespace lintorch::ops
