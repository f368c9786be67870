#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/TensorOptions.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <optional>
#include <vector>

namespace lintorch::umt5 {

/// Makes weights: either fp32 ones drawn from N(0, (factor std)^2), or uninitialized ones of a given dtype and device
/// (drawing billions of numbers that a checkpoint overwrites takes minutes).
class WeightFactory {
 public:
  explicit WeightFactory(double factor) : factor_(factor) {}
  explicit WeightFactory(at::TensorOptions uninitialized) : options_(uninitialized) {}
  at::Tensor make(const std::vector<int64_t>& shape, double std) const;

 private:
  double factor_ = 1.0;
  std::optional<at::TensorOptions> options_;
};

/// A module with the single parameter "weight": a table, or a linear map without bias.
class WeightHolderImpl : public torch::nn::Module {
 public:
  explicit WeightHolderImpl(const at::Tensor& initial);

  /// x W^T, in the dtype of the weight (or that of autocast).
  at::Tensor apply(const at::Tensor& x) const;

  at::Tensor weight;
};
TORCH_MODULE(WeightHolder);

}  // namespace lintorch::umt5
