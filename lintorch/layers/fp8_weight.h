#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <memory>

#include "lintorch/ops/quantize_rows.h"

namespace lintorch::layers {

/// The weight of a linear layer in FP8, one scale an output (ops/quantize_rows.h). It lives in the layer as its child "fp8";
/// apply_linear uses it where no gradients are recorded. The layer keeps its own weight.
class Fp8WeightImpl : public torch::nn::Module {
 public:
  explicit Fp8WeightImpl(const at::Tensor& weight_OK);
  ops::QuantizedRows rows() const { return {values_, scale_}; }

 private:
  at::Tensor values_, scale_;
};
TORCH_MODULE(Fp8Weight);

/// Quantizes the weight of a layer as it is now; a second call does it again.
void add_fp8_weight(torch::nn::LinearImpl& linear);

/// Takes the FP8 weight of a layer away, if it has one.
void remove_fp8_weight(torch::nn::LinearImpl& linear);

/// The FP8 weight of a layer if it has one and no gradients are recorded, else null.
std::shared_ptr<Fp8WeightImpl> find_fp8_weight(const torch::nn::LinearImpl& linear);

}  // namespace lintorch::layers
