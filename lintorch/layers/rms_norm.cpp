#include "lintorch/layers/rms_norm.h"

#include <ATen/ops/ones.h>

#include "lintorch/ops/rms_norm_rope.h"

namespace lintorch::layers {

RmsNormImpl::RmsNormImpl(int64_t width, double eps) : eps_(eps) {
  weight = register_parameter("weight", at::ones({width}));
}

at::Tensor RmsNormImpl::forward(const at::Tensor& x) {
  return ops::rms_norm(x, weight, eps_, c10::promoteTypes(x.scalar_type(), weight.scalar_type()));
}

}  // namespace lintorch::layers
