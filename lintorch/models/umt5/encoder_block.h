#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include "lintorch/layers/rms_norm.h"
#include "lintorch/models/umt5/config.h"
#include "lintorch/models/umt5/weight_holder.h"

namespace lintorch::umt5 {

/// softmax(q k^T + bias) v without the usual 1/sqrt(d); the softmax runs in fp32.
class SelfAttentionImpl : public torch::nn::Module {
 public:
  SelfAttentionImpl(const Umt5Config& config, const WeightFactory& weights);

  /// buckets_SS: relative_position_buckets. mask_B11S: 0 for tokens, the lowest number for padding (fp32).
  at::Tensor forward(const at::Tensor& x_BSD, const at::Tensor& buckets_SS, const at::Tensor& mask_B11S);

 private:
  int64_t num_heads_;
  WeightHolder q_{nullptr}, k_{nullptr}, v_{nullptr}, o_{nullptr}, relative_attention_bias_{nullptr};
};
TORCH_MODULE(SelfAttention);

/// wo(gelu_tanh(wi_0 x) * wi_1 x).
class GatedFeedForwardImpl : public torch::nn::Module {
 public:
  GatedFeedForwardImpl(const Umt5Config& config, const WeightFactory& weights);
  at::Tensor forward(const at::Tensor& x_BSD);

 private:
  WeightHolder wi_0_{nullptr}, wi_1_{nullptr}, wo_{nullptr};
};
TORCH_MODULE(GatedFeedForward);

/// Norm and one sublayer of transformers' naming ("layer.0", "layer.1"); Sublayer is SelfAttention or GatedFeedForward.
template <class Sublayer>
class PreNormLayer : public torch::nn::Module {
 public:
  PreNormLayer(const char* name, const Umt5Config& config, const WeightFactory& weights) {
    layer_norm = register_module("layer_norm", layers::RmsNorm(config.d_model, config.layer_norm_epsilon));
    sublayer = register_module(name, Sublayer(config, weights));
  }

  layers::RmsNorm layer_norm{nullptr};
  Sublayer sublayer{nullptr};
};

/// x = x + Attn(RMS(x)); x = x + FFN(RMS(x)).
class Umt5BlockImpl : public torch::nn::Module {
 public:
  Umt5BlockImpl(const Umt5Config& config, const WeightFactory& weights);
  at::Tensor forward(const at::Tensor& x_BSD, const at::Tensor& buckets_SS, const at::Tensor& mask_B11S);

 private:
  std::shared_ptr<PreNormLayer<SelfAttention>> attention_;
  std::shared_ptr<PreNormLayer<GatedFeedForward>> feed_forward_;
};
TORCH_MODULE(Umt5Block);

/// All blocks and the final norm: transformers' "encoder" submodule.
class Umt5StackImpl : public torch::nn::Module {
 public:
  Umt5StackImpl(const Umt5Config& config, const WeightFactory& weights);
  at::Tensor forward(at::Tensor x_BSD, const at::Tensor& buckets_SS, const at::Tensor& mask_B11S);

 private:
  std::vector<Umt5Block> blocks_;
  layers::RmsNorm final_layer_norm_{nullptr};
};
TORCH_MODULE(Umt5Stack);

}  // namespace lintorch::umt5
