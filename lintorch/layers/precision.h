#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/nn/modules/linear.h>

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

/// x W^T + b in compute_dtype(W), plus what the layer's low-rank adapter adds, if it has one (lora_adapter.h); x is cast
/// if necessary. Keeps autocast's cache of cast weights in use.
at::Tensor apply_linear(const torch::nn::Linear& linear, const at::Tensor& x);

/// gelu(x W^T + b) with the tanh approximation, in compute_dtype(W). On a GPU without gradients one matrix product with
/// the activation in its epilogue, which sees the sum in fp32.
at::Tensor apply_linear_gelu(const torch::nn::Linear& linear, const at::Tensor& x);

/// x W^T + b in fp32 (fp64 for fp64 weights), whatever autocast says.
at::Tensor apply_linear_accumulate(const torch::nn::Linear& linear, const at::Tensor& x);

}  // namespace lintorch::layers
