#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/nn/modules/linear.h>

#include <optional>
#include <utility>

#include "lintorch/ops/quantize_rows.h"

namespace lintorch::layers {

/// The dtype matrix products run in: autocast's if autocast is on for the device of `weight`, else that of `weight`.
at::ScalarType compute_dtype(const at::Tensor& weight);

/// While alive, autocast leaves this thread's operations alone: for elementwise code that chooses its dtypes itself.
class NoAutocast {
 public:
  NoAutocast();

 private:
  c10::impl::ExcludeDispatchKeyGuard guard_;
};

/// The input of linear layers, cast or quantized once for all that read it.
class LinearInput {
 public:
  LinearInput(at::Tensor x) : x_(std::move(x)) {}  // NOLINT(google-explicit-constructor): a tensor is an input
  const at::Tensor& tensor() const { return x_; }
  const at::Tensor& cast(at::ScalarType dtype);
  /// Its rows [R, K] in FP8.
  const ops::QuantizedRows& quantized();

 private:
  at::Tensor x_;
  std::optional<ops::QuantizedRows> quantized_;
};

/// x W^T + b in compute_dtype(W), plus what the layer's low-rank adapter adds, if it has one (lora_adapter.h); x is cast
/// if necessary. In FP8 with bf16 output where the layer has such a weight and no gradients are recorded (fp8_weight.h).
/// Keeps autocast's cache of cast weights in use.
at::Tensor apply_linear(const torch::nn::Linear& linear, LinearInput& x);
at::Tensor apply_linear(const torch::nn::Linear& linear, const at::Tensor& x);

/// gelu(x W_in^T + b_in) W_out^T + b_out with the tanh approximation, products as in apply_linear. On a GPU without gradients
/// the activation is in the epilogue of the first product, which sees the sum in fp32, or, in FP8, in the quantization before
/// the second.
at::Tensor apply_feed_forward(const torch::nn::Linear& in, const torch::nn::Linear& out, const at::Tensor& x);

/// x W^T + b in fp32 (fp64 for fp64 weights), whatever autocast says.
at::Tensor apply_linear_accumulate(const torch::nn::Linear& linear, const at::Tensor& x);

}  // namespace lintorch::layers
