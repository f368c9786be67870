#include "lintorch/layers/precision.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "lintorch/layers/lora_adapter.h"
#include "lintorch/ops/bmm_accumulate.h"

namespace lintorch::layers {

at::ScalarType compute_dtype(const at::Tensor& weight) {
  const at::DeviceType device = weight.device().type();
  // Autocast never touches fp64.
  if (weight.scalar_type() != at::kDouble && at::autocast::is_autocast_enabled(device))
    return at::autocast::get_autocast_dtype(device);
  return weight.scalar_type();
}

NoAutocast::NoAutocast() : guard_(c10::autocast_dispatch_keyset) {}

at::Tensor apply_linear(const torch::nn::Linear& linear, const at::Tensor& x) {
  const at::Tensor input = x.to(compute_dtype(linear->weight));
  const at::Tensor y = at::linear(input, linear->weight, linear->bias);
  const auto adapter = find_lora_adapter(*linear);
  return adapter ? y + adapter->forward(input) : y;
}

at::Tensor apply_linear_gelu(const torch::nn::Linear& linear, const at::Tensor& x) {
  const at::ScalarType dtype = compute_dtype(linear->weight);
  // cuBLASLt's GELU is the tanh form; the operator has no backward.
  if (!linear->weight.is_cuda() || dtype != at::kBFloat16 || at::GradMode::is_enabled() ||
      linear->weight.scalar_type() != dtype || find_lora_adapter(*linear))
    return at::gelu(apply_linear(linear, x), "tanh");
  const at::Tensor rows = x.to(dtype).reshape({-1, x.size(-1)});
  auto shape = x.sizes().vec();
  shape.back() = linear->weight.size(0);
  return at::_addmm_activation(linear->bias, rows, linear->weight.t(), 1, 1, /*use_gelu=*/true).view(shape);
}

at::Tensor apply_linear_accumulate(const torch::nn::Linear& linear, const at::Tensor& x) {
  const NoAutocast no_autocast;
  const at::ScalarType dtype = ops::accumulate_dtype(linear->weight.scalar_type());
  return at::linear(x.to(dtype), linear->weight.to(dtype), linear->bias.to(dtype));
}

}  // namespace lintorch::layers
