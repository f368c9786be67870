#include "lintorch/layers/fp8_weight.h"

#include <ATen/core/grad_mode.h>

namespace lintorch::layers {

Fp8WeightImpl::Fp8WeightImpl(const at::Tensor& weight_OK) {
  const at::NoGradGuard no_grad;
  const ops::QuantizedRows rows = ops::quantize_rows(weight_OK.detach());
  values_ = register_buffer("values", rows.values_RK);
  scale_ = register_buffer("scale", rows.scale_R1);
}

void add_fp8_weight(torch::nn::LinearImpl& linear) {
  Fp8Weight weight(linear.weight);
  if (linear.named_children().contains("fp8")) {
    linear.replace_module("fp8", weight);
  } else {
    linear.register_module("fp8", weight);
  }
}

void remove_fp8_weight(torch::nn::LinearImpl& linear) {
  if (linear.named_children().contains("fp8")) linear.unregister_module("fp8");
}

std::shared_ptr<Fp8WeightImpl> find_fp8_weight(const torch::nn::LinearImpl& linear) {
  if (at::GradMode::is_enabled()) return nullptr;
  for (const auto& child : linear.children())
    if (auto weight = std::dynamic_pointer_cast<Fp8WeightImpl>(child)) return weight;
  return nullptr;
}

}  // namespace lintorch::layers
