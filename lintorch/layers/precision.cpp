#include "lintorch/layers/precision.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "lintorch/layers/fp8_weight.h"
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

const at::Tensor& LinearInput::cast(at::ScalarType dtype) { return x_ = x_.to(dtype); }

const ops::QuantizedRows& LinearInput::quantized() {
  if (!quantized_) quantized_ = ops::quantize_rows(x_.reshape({-1, x_.size(-1)}));
  return *quantized_;
}

at::Tensor apply_linear(const torch::nn::Linear& linear, LinearInput& x) {
  const auto adapter = find_lora_adapter(*linear);
  at::Tensor y;
  if (const auto fp8 = find_fp8_weight(*linear)) {
    auto shape = x.tensor().sizes().vec();
    shape.back() = linear->weight.size(0);
    y = ops::quantized_linear(x.quantized(), fp8->rows(), linear->bias).view(shape);
  } else {
    y = at::linear(x.cast(compute_dtype(linear->weight)), linear->weight, linear->bias);
  }
  return adapter ? y + adapter->forward(x.cast(compute_dtype(linear->weight))) : y;
}

at::Tensor apply_linear(const torch::nn::Linear& linear, const at::Tensor& x) {
  LinearInput input(x);
  return apply_linear(linear, input);
}

namespace {

at::Tensor apply_linear_gelu(const torch::nn::Linear& linear, const at::Tensor& x) {
  const at::ScalarType dtype = compute_dtype(linear->weight);
  // cuBLASLt's GELU is the tanh form; the operator has no backward.
  if (!linear->weight.is_cuda() || dtype != at::kBFloat16 || at::GradMode::is_enabled() ||
      linear->weight.scalar_type() != dtype || find_lora_adapter(*linear) || find_fp8_weight(*linear))
    return at::gelu(apply_linear(linear, x), "tanh");
  const at::Tensor rows = x.to(dtype).reshape({-1, x.size(-1)});
  auto shape = x.sizes().vec();
  shape.back() = linear->weight.size(0);
  return at::_addmm_activation(linear->bias, rows, linear->weight.t(), 1, 1, /*use_gelu=*/true).view(shape);
}

}  // namespace

at::Tensor apply_feed_forward(const torch::nn::Linear& in, const torch::nn::Linear& out, const at::Tensor& x) {
  const auto fp8 = find_fp8_weight(*out);
  if (!fp8 || !find_fp8_weight(*in) || find_lora_adapter(*out)) return apply_linear(out, apply_linear_gelu(in, x));
  const at::Tensor inner = apply_linear(in, x);
  const auto rows = ops::quantize_rows(inner.view({-1, inner.size(-1)}), ops::RowActivation::kGeluTanh);
  auto shape = x.sizes().vec();
  shape.back() = out->weight.size(0);
  return ops::quantized_linear(rows, fp8->rows(), out->bias).view(shape);
}

at::Tensor apply_linear_accumulate(const torch::nn::Linear& linear, const at::Tensor& x) {
  const NoAutocast no_autocast;
  const at::ScalarType dtype = ops::accumulate_dtype(linear->weight.scalar_type());
  return at::linear(x.to(dtype), linear->weight.to(dtype), linear->bias.to(dtype));
}

}  // namespace lintorch::layers
