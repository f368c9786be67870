#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include "lintorch/models/umt5/config.h"

namespace lintorch::umt5 {

/// Position bucket of every (query, key) pair, int64 [query, key]: exact below num_buckets/4 tokens of distance,
/// logarithmic up to max_distance, the upper half of the buckets for keys after the query.
/// Source: T5 (arXiv:1910.10683) Sec. 2.1. Reference: transformers, UMT5Attention._relative_position_bucket.
at::Tensor relative_position_buckets(int64_t length, int64_t num_buckets, int64_t max_distance, at::Device device);

/// The encoder half of UMT5: pre-norm blocks of unscaled attention with a relative position bias in every layer and a
/// gated tanh-GELU feed-forward layer; no biases, no absolute positions.
///
///   x = x + Attn(RMS(x));  x = x + FFN(RMS(x));  after the last block RMS(x)
///
/// Parameter names are transformers' (shared.weight, encoder.block.0.layer.0.SelfAttention.q.weight, ...).
/// Softmax and norm statistics are computed in fp32. No dropout.
class Umt5EncoderImpl : public torch::nn::Module {
 public:
  /// Weights are random as transformers initializes them.
  explicit Umt5EncoderImpl(Umt5Config config);

  /// ids_BS: int64 token ids. mask_BS: 1 for tokens (EOS included), 0 for padding, which no token attends to.
  /// Returns hidden states [B, S, D] in the type of the weights (fp32 under autocast). Rows of padding are not zeroed.
  at::Tensor forward(const at::Tensor& ids_BS, const at::Tensor& mask_BS);

  const Umt5Config& config() const { return config_; }

 private:
  Umt5Config config_;
  at::Tensor embedding_;
  torch::nn::ModuleList blocks_;
  at::Tensor final_norm_;
};
TORCH_MODULE(Umt5Encoder);

}  // namespace lintorch::umt5
