#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/TensorOptions.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "lintorch/models/umt5/config.h"
#include "lintorch/models/umt5/encoder_block.h"

namespace lintorch::umt5 {

/// The encoder half of UMT5: pre-norm blocks of unscaled attention with a relative position bias in every layer and a
/// gated tanh-GELU feed-forward layer; no biases, no absolute positions.
///
///   x = x + Attn(RMS(x));  x = x + FFN(RMS(x));  after the last block RMS(x)
///
/// Parameter names are transformers' (shared.weight, encoder.block.0.layer.0.SelfAttention.q.weight, ...).
/// Softmax and norm statistics are computed in fp32. No dropout.
class Umt5EncoderImpl : public torch::nn::Module {
 public:
  /// fp32 weights on the CPU, random as transformers initializes them (drawn from torch's global generator).
  explicit Umt5EncoderImpl(Umt5Config config);

  /// Weights of the given dtype and device, not initialized: to be loaded into.
  Umt5EncoderImpl(Umt5Config config, at::TensorOptions uninitialized);

  /// ids_BS: int64 token ids. mask_BS: 1 for tokens (EOS included), 0 for padding, which no token attends to.
  /// Returns hidden states [B, S, D] in the dtype of the weights. Rows of padding are not zeroed.
  /// Throws Error if shapes disagree.
  at::Tensor forward(const at::Tensor& ids_BS, const at::Tensor& mask_BS);

  const Umt5Config& config() const { return config_; }

 private:
  void build(const WeightFactory& weights);

  Umt5Config config_;
  WeightHolder shared_{nullptr};
  Umt5Stack encoder_{nullptr};
  at::Tensor buckets_SS_;  // of the last sequence length
};
TORCH_MODULE(Umt5Encoder);

}  // namespace lintorch::umt5
