#include "lintorch/layers/rms_norm.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/rms_norm.h>

#include "lintorch/layers/precision.h"

namespace lintorch::layers {

RmsNormImpl::RmsNormImpl(int64_t width, double eps) : eps_(eps) {
  weight = register_parameter("weight", at::ones({width}));
}

at::Tensor RmsNormImpl::forward(const at::Tensor& x) {
  const NoAutocast no_autocast;
  if (x.scalar_type() == weight.scalar_type()) return at::rms_norm(x, weight.sizes(), weight, eps_);
  return at::rms_norm(x, weight.sizes(), {}, eps_) * weight;
}

}  // namespace lintorch::layers
