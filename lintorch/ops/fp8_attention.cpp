#include "lintorch/ops/fp8_attention.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/frexp.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/ops/cuda/fp8_attention_params.h"
#include "lintorch/ops/fused_kernels.h"

namespace lintorch::ops {
namespace {

at::Tensor round_e4m3(const at::Tensor& x) { return x.to(at::kFloat8_e4m3fn).to(at::kFloat); }

struct Operand {
  at::Tensor values_XSK;  ///< fp32 that e4m3 can hold, X = B * N
  at::Tensor inverse;     ///< 1 / scale, a number
  at::Tensor mean_B1NK;   ///< undefined without centring
};

// The kernels compute the same in ops/cuda/fp8_attention.cu.
Operand quantized(const at::Tensor& x_in, bool centred) {
  Operand result;
  at::Tensor x_BSNK = x_in.to(at::kFloat).contiguous();  // sums in one order, whatever the strides
  if (centred) {
    result.mean_B1NK = x_BSNK.mean({1}, /*keepdim=*/true);
    x_BSNK = x_BSNK - result.mean_B1NK;
  }
  // largest = mantissa 2^exponent with a mantissa from 0.5 to 1; 448 = 0.875 * 2^9.
  const auto [mantissa, exponent] = at::frexp(x_BSNK.abs().amax());
  const at::Tensor shift =
      (9 - exponent.to(at::kFloat) - (mantissa > 0.875).to(at::kFloat)).clamp(-kFp8LargestShift, kFp8LargestShift);
  result.values_XSK = round_e4m3(x_BSNK * shift.exp2()).transpose(1, 2).flatten(0, 1);
  result.inverse = (-shift).exp2();
  return result;
}

at::Tensor fp8_attention_composed(const at::Tensor& q_BLNK, const at::Tensor& k_BSNK, const at::Tensor& v_BSNV) {
  const Operand q = quantized(q_BLNK, false), k = quantized(k_BSNK, true), v = quantized(v_BSNV, true);
  const int64_t X = q.values_XSK.size(0), L = q.values_XSK.size(1), S = k.values_XSK.size(1);
  const at::Tensor logit_scale = q.inverse * k.inverse / std::sqrt(static_cast<double>(q_BLNK.size(3)));
  const at::Tensor k_XKS = k.values_XSK.transpose(1, 2);
  const at::Tensor o_XLV = at::empty({X, L, v_BSNV.size(3)}, q.values_XSK.options());
  constexpr int64_t kLogits = 1 << 25;  // of all heads that are in memory at a time
  const int64_t rows = std::max<int64_t>(1, kLogits / std::max<int64_t>(1, X * S));
  for (int64_t begin = 0; begin < L; begin += rows) {
    const int64_t count = std::min(rows, L - begin);
    const at::Tensor logits_XLS = at::bmm(q.values_XSK.narrow(1, begin, count), k_XKS) * logit_scale;
    const at::Tensor p_XLS = (logits_XLS - logits_XLS.amax({-1}, /*keepdim=*/true)).exp();
    const at::Tensor sum = p_XLS.sum({-1}, /*keepdim=*/true);
    const at::Tensor mixed = at::bmm(round_e4m3(p_XLS * kFp8WeightScale), v.values_XSK);
    o_XLV.narrow(1, begin, count).copy_(round_e4m3(mixed / (sum * (2 * kFp8WeightScale))));
  }
  const at::Tensor o_BLNV = o_XLV.unflatten(0, {q_BLNK.size(0), q_BLNK.size(2)}).transpose(1, 2);
  return (o_BLNV * (2 * v.inverse) + v.mean_B1NK).to(v_BSNV.scalar_type()).contiguous();
}

}  // namespace

at::Tensor fp8_attention(const at::Tensor& q_BLNK, const at::Tensor& k_BSNK, const at::Tensor& v_BSNV) {
  check_shape(q_BLNK, {-1, -1, -1, -1}, "fp8_attention: q");
  const int64_t B = q_BLNK.size(0), N = q_BLNK.size(2);
  check_shape(k_BSNK, {B, -1, N, q_BLNK.size(3)}, "fp8_attention: k");
  check_shape(v_BSNV, {B, k_BSNK.size(1), N, -1}, "fp8_attention: v");
  LT_CHECK(k_BSNK.scalar_type() == q_BLNK.scalar_type() && v_BSNV.scalar_type() == q_BLNK.scalar_type() &&
               (q_BLNK.scalar_type() == at::kFloat || q_BLNK.scalar_type() == at::kBFloat16),
           NotSupportedError, "[fp8_attention] expected q, k and v all fp32 or all bf16, got {}, {} and {}",
           c10::toString(q_BLNK.scalar_type()), c10::toString(k_BSNK.scalar_type()),
           c10::toString(v_BSNV.scalar_type()));
  LT_CHECK(q_BLNK.numel() > 0 && v_BSNV.numel() > 0, Error,
           "[fp8_attention] expected tokens, heads and channels, got none");
  LT_CHECK(!at::GradMode::is_enabled() || !(q_BLNK.requires_grad() || k_BSNK.requires_grad() || v_BSNV.requires_grad()),
           NotSupportedError, "[fp8_attention] has no gradients; train with softmax_attention");
  if (!q_BLNK.is_cuda() || fused_kernels() == FusedKernels::kOff) return fp8_attention_composed(q_BLNK, k_BSNK, v_BSNV);
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("lintorch::fp8_attention", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&)>();
  return op.call(q_BLNK, k_BSNK, v_BSNV);
}

TORCH_LIBRARY_FRAGMENT(lintorch, m) { m.def("fp8_attention(Tensor q, Tensor k, Tensor v) -> Tensor"); }

TORCH_LIBRARY_IMPL(lintorch, CompositeExplicitAutograd, m) { m.impl("fp8_attention", fp8_attention_composed); }

}  // namespace lintorch::ops
