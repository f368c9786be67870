#include "lintorch/ops/bmm_accumulate.h"

#include <ATen/ops/bmm.h>

namespace lintorch::ops {

at::ScalarType accumulate_dtype(at::ScalarType dtype) { return dtype == at::kDouble ? at::kDouble : at::kFloat; }

at::Tensor bmm_accumulate(const at::Tensor& a, const at::Tensor& b) {
  const at::ScalarType accumulate = accumulate_dtype(a.scalar_type());
  if (a.scalar_type() == accumulate) return at::bmm(a, b);
  if (a.is_cuda()) return at::bmm(a, b, accumulate);
  // The CPU has no product with a wider output; products of bf16 values are exact in fp32.
  return at::bmm(a.to(accumulate), b.to(accumulate));
}

void bmm_into(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  at::Tensor target = out;
  if (a.is_cuda() || a.scalar_type() == accumulate_dtype(a.scalar_type()))
    at::bmm_out(target, a, b);
  else
    target.copy_(bmm_accumulate(a, b));
}

}  // namespace lintorch::ops
