#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace lintorch::layers {

/// x * rsqrt(mean(x^2) + eps) * weight over the last axis; statistics in fp32. When x is of lower precision than the
/// weight, the normalised value is rounded to the dtype of x and the result has the dtype of the weight (official Wan).
class RmsNormImpl : public torch::nn::Module {
 public:
  RmsNormImpl(int64_t width, double eps);
  at::Tensor forward(const at::Tensor& x);
  double eps() const { return eps_; }

  at::Tensor weight;

 private:
  double eps_;
};
TORCH_MODULE(RmsNorm);

}  // namespace lintorch::layers
