#include "lintorch/models/umt5/weight_holder.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include "lintorch/layers/precision.h"

namespace lintorch::umt5 {

at::Tensor WeightFactory::make(const std::vector<int64_t>& shape, double std) const {
  if (options_) return at::empty(shape, *options_);
  return at::empty(shape, at::kFloat).normal_(0.0, factor_ * std);
}

WeightHolderImpl::WeightHolderImpl(const at::Tensor& initial) { weight = register_parameter("weight", initial); }

at::Tensor WeightHolderImpl::apply(const at::Tensor& x) const {
  return at::linear(x.to(layers::compute_dtype(weight)), weight);
}

}  // namespace lintorch::umt5
