#include "lintorch/ops/hedgehog_attention.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/ops/cuda/hedgehog_attention_params.h"
#include "lintorch/ops/fused_kernels.h"
#include "lintorch/ops/hedgehog_attention_composed.h"

namespace lintorch::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool kernel_serves(const at::Tensor& q_BLNK, const at::Tensor& v_BLNV, const at::Tensor& w_q_NKM) {
  return fused_kernels() != FusedKernels::kOff && q_BLNK.is_cuda() && q_BLNK.scalar_type() == at::kBFloat16 &&
         q_BLNK.numel() > 0 && v_BLNV.size(3) == q_BLNK.size(3) &&
         hedgehog_attention_supported(q_BLNK.size(3), w_q_NKM.size(2));
}

at::Tensor attention_forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& w_q,
                             const at::Tensor& w_k, HedgehogState& state) {
  if (!kernel_serves(q, v, w_q)) return hedgehog_attention_composed(q, k, v, w_q, w_k, state);
  using Forward = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>(
      const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&);
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("lintorch::hedgehog_attention_forward", "").typed<Forward>();
  at::Tensor o;
  std::tie(o, state.s_XEV, state.z_XE, state.v_mean_X1V) = op.call(q, k, v, w_q, w_k);
  return o;
}

HedgehogGradients attention_backward(const at::Tensor& grad_o, const at::Tensor& q, const at::Tensor& k,
                                     const at::Tensor& v, const at::Tensor& w_q, const at::Tensor& w_k,
                                     const HedgehogState& state, const std::array<bool, 5>& needed) {
  // The kernel's forward leaves a rounded state, the composition an fp32 one.
  if (!kernel_serves(q, v, w_q) || state.s_XEV.scalar_type() != at::kBFloat16)
    return hedgehog_attention_composed_backward(grad_o, q, k, v, w_q, w_k, state, needed);
  using Backward = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor>(
      const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
      const at::Tensor&, const at::Tensor&, const at::Tensor&, std::array<bool, 5>);
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("lintorch::hedgehog_attention_backward", "").typed<Backward>();
  HedgehogGradients grads;
  std::tie(grads.q_BLNK, grads.k_BLNK, grads.v_BLNV, grads.w_q_NKM, grads.w_k_NKM) =
      op.call(grad_o.to(q.scalar_type()), q, k, v, w_q, w_k, state.s_XEV, state.z_XE, state.v_mean_X1V, needed);
  return grads;
}

struct HedgehogAttention : torch::autograd::Function<HedgehogAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& w_q, const at::Tensor& w_k) {
    HedgehogState state;
    at::Tensor o = attention_forward(q, k, v, w_q, w_k, state);
    context->save_for_backward({q, k, v, w_q, w_k, state.s_XEV, state.z_XE, state.v_mean_X1V});
    return o;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    LT_CHECK(!at::GradMode::is_enabled(), NotSupportedError,
             "[hedgehog_attention] is differentiable once: no gradients of gradients");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const variable_list saved = context->get_saved_variables();
    const std::array<bool, 5> needed = {context->needs_input_grad(0), context->needs_input_grad(1),
                                        context->needs_input_grad(2), context->needs_input_grad(3),
                                        context->needs_input_grad(4)};
    const HedgehogGradients result = attention_backward(grads[0], saved[0], saved[1], saved[2], saved[3], saved[4],
                                                        {saved[5], saved[6], saved[7]}, needed);
    return {result.q_BLNK, result.k_BLNK, result.v_BLNV, result.w_q_NKM, result.w_k_NKM};
  }
};

}  // namespace

at::Tensor hedgehog_attention(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                              const at::Tensor& w_q_NKM, const at::Tensor& w_k_NKM) {
  check_shape(q_BLNK, {-1, -1, -1, -1}, "hedgehog_attention: q");
  const int64_t B = q_BLNK.size(0), L = q_BLNK.size(1), N = q_BLNK.size(2), K = q_BLNK.size(3);
  check_shape(k_BLNK, {B, L, N, K}, "hedgehog_attention: k");
  check_shape(v_BLNV, {B, L, N, -1}, "hedgehog_attention: v");
  check_shape(w_q_NKM, {N, K, -1}, "hedgehog_attention: w_q");
  check_shape(w_k_NKM, {N, K, w_q_NKM.size(2)}, "hedgehog_attention: w_k");

  const at::DeviceType device = q_BLNK.device().type();
  const bool autocast = at::autocast::is_autocast_enabled(device);
  const auto cast = [&](const at::Tensor& x) {
    return autocast && x.scalar_type() != at::kDouble ? x.to(at::autocast::get_autocast_dtype(device)) : x;
  };
  const at::Tensor q = cast(q_BLNK), k = cast(k_BLNK), v = cast(v_BLNV), w_q = cast(w_q_NKM), w_k = cast(w_k_NKM);
  const at::ScalarType dtype = v.scalar_type();
  for (const at::Tensor& x : {q, k, w_q, w_k})
    LT_CHECK(x.scalar_type() == dtype, Error, "[hedgehog_attention] expected one dtype for all inputs, got {} and {}",
             c10::toString(dtype), c10::toString(x.scalar_type()));
  LT_CHECK(dtype == at::kDouble || dtype == at::kFloat || dtype == at::kBFloat16, NotSupportedError,
           "[hedgehog_attention] expected bf16, fp32 or fp64, got {}", c10::toString(dtype));

  // Autocast would otherwise round the fp32 products inside.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  return HedgehogAttention::apply(q, k, v, w_q, w_k);
}

TORCH_LIBRARY_FRAGMENT(lintorch, m) {
  m.def(
      "hedgehog_attention_forward(Tensor q, Tensor k, Tensor v, Tensor w_q, Tensor w_k) -> (Tensor o, Tensor s, Tensor "
      "z, Tensor v_mean)");
  m.def(
      "hedgehog_attention_backward(Tensor grad_o, Tensor q, Tensor k, Tensor v, Tensor w_q, Tensor w_k, Tensor s, "
      "Tensor "
      "z, Tensor v_mean, bool[5] needed) -> (Tensor grad_q, Tensor grad_k, Tensor grad_v, Tensor grad_w_q, Tensor "
      "grad_w_k)");
}

}  // namespace lintorch::ops
