#include "lintorch/layers/lora_adapter.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include <utility>

#include "lintorch/core/error.h"

namespace lintorch::layers {

LoraAdapterImpl::LoraAdapterImpl(const at::Tensor& a_RI, int64_t out_features, double scale) : scale_(scale) {
  a = register_parameter("a", a_RI);
  b = register_parameter("b", at::zeros({out_features, a_RI.size(0)}, a_RI.options().requires_grad(false)));
}

at::Tensor LoraAdapterImpl::forward(const at::Tensor& x) const {
  const at::ScalarType dtype = x.scalar_type();
  return scale_ * at::linear(at::linear(x, a.to(dtype)), b.to(dtype));
}

void add_lora_adapter(torch::nn::LinearImpl& linear, LoraAdapter adapter) {
  LT_CHECK(!find_lora_adapter(linear), Error, "[add_lora_adapter] the layer has an adapter already");
  linear.register_module("lora", std::move(adapter));
}

std::shared_ptr<LoraAdapterImpl> find_lora_adapter(const torch::nn::LinearImpl& linear) {
  for (const auto& child : linear.children())
    if (auto adapter = std::dynamic_pointer_cast<LoraAdapterImpl>(child)) return adapter;
  return nullptr;
}

}  // namespace lintorch::layers
