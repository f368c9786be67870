#include "lintorch/models/umt5/encoder_block.h"

#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <cmath>

#include "lintorch/layers/precision.h"
#include "lintorch/ops/bmm_accumulate.h"

namespace lintorch::umt5 {
namespace {

double inverse_sqrt(int64_t n) { return 1.0 / std::sqrt(static_cast<double>(n)); }

}  // namespace

// The initial scales are those of transformers' UMT5PreTrainedModel._init_weights.
SelfAttentionImpl::SelfAttentionImpl(const Umt5Config& config, const WeightFactory& weights)
    : num_heads_(config.num_heads) {
  const int64_t width = config.d_model, inner = config.num_heads * config.d_kv;
  const auto linear = [&](const char* name, int64_t out, int64_t in, double std) {
    return register_module(name, WeightHolder(weights.make({out, in}, std)));
  };
  q_ = linear("q", inner, width, inverse_sqrt(width * config.d_kv));
  k_ = linear("k", inner, width, inverse_sqrt(width));
  v_ = linear("v", inner, width, inverse_sqrt(width));
  o_ = linear("o", width, inner, inverse_sqrt(inner));
  relative_attention_bias_ =
      linear("relative_attention_bias", config.relative_attention_num_buckets, num_heads_, inverse_sqrt(width));
}

at::Tensor SelfAttentionImpl::forward(const at::Tensor& x_BSD, const at::Tensor& buckets_SS,
                                      const at::Tensor& mask_B11S) {
  const at::Tensor input_BSD = x_BSD.to(layers::compute_dtype(q_->weight));  // one cast for three products
  const auto heads = [&](const WeightHolder& linear) {
    return linear->apply(input_BSD).unflatten(-1, {num_heads_, -1}).transpose(1, 2);
  };
  const at::Tensor q_BNSK = heads(q_), k_BNSK = heads(k_), v_BNSV = heads(v_);
  const at::Tensor bias_NSS = at::embedding(relative_attention_bias_->weight, buckets_SS).permute({2, 0, 1});
  const at::Tensor scores_BNSS = at::matmul(q_BNSK, k_BNSK.transpose(-1, -2)) + (bias_NSS + mask_B11S);
  const auto softmax_dtype = ops::accumulate_dtype(scores_BNSS.scalar_type());
  const at::Tensor weights_BNSS = at::softmax(scores_BNSS, -1, softmax_dtype).to(v_BNSV.scalar_type());
  return o_->apply(at::matmul(weights_BNSS, v_BNSV).transpose(1, 2).flatten(2));
}

GatedFeedForwardImpl::GatedFeedForwardImpl(const Umt5Config& config, const WeightFactory& weights) {
  const int64_t width = config.d_model, hidden = config.d_ff;
  wi_0_ = register_module("wi_0", WeightHolder(weights.make({hidden, width}, inverse_sqrt(width))));
  wi_1_ = register_module("wi_1", WeightHolder(weights.make({hidden, width}, inverse_sqrt(width))));
  wo_ = register_module("wo", WeightHolder(weights.make({width, hidden}, inverse_sqrt(hidden))));
}

at::Tensor GatedFeedForwardImpl::forward(const at::Tensor& x_BSD) {
  const at::Tensor input_BSD = x_BSD.to(layers::compute_dtype(wi_0_->weight));
  return wo_->apply(at::gelu(wi_0_->apply(input_BSD), "tanh") * wi_1_->apply(input_BSD));
}

Umt5BlockImpl::Umt5BlockImpl(const Umt5Config& config, const WeightFactory& weights) {
  attention_ = std::make_shared<PreNormLayer<SelfAttention>>("SelfAttention", config, weights);
  feed_forward_ = std::make_shared<PreNormLayer<GatedFeedForward>>("DenseReluDense", config, weights);
  torch::nn::ModuleList layers;
  layers->push_back(std::static_pointer_cast<torch::nn::Module>(attention_));
  layers->push_back(std::static_pointer_cast<torch::nn::Module>(feed_forward_));
  register_module("layer", layers);
}

at::Tensor Umt5BlockImpl::forward(const at::Tensor& x_BSD, const at::Tensor& buckets_SS, const at::Tensor& mask_B11S) {
  const at::Tensor y_BSD = x_BSD + attention_->sublayer(attention_->layer_norm(x_BSD), buckets_SS, mask_B11S);
  return y_BSD + feed_forward_->sublayer(feed_forward_->layer_norm(y_BSD));
}

Umt5StackImpl::Umt5StackImpl(const Umt5Config& config, const WeightFactory& weights) {
  torch::nn::ModuleList blocks;
  for (int64_t i = 0; i < config.num_layers; ++i) {
    blocks_.emplace_back(config, weights);
    blocks->push_back(blocks_.back());
  }
  register_module("block", blocks);
  final_layer_norm_ = register_module("final_layer_norm", layers::RmsNorm(config.d_model, config.layer_norm_epsilon));
}

at::Tensor Umt5StackImpl::forward(at::Tensor x_BSD, const at::Tensor& buckets_SS, const at::Tensor& mask_B11S) {
  for (auto& block : blocks_) x_BSD = block(x_BSD, buckets_SS, mask_B11S);
  return final_layer_norm_(x_BSD);
}

}  // namespace lintorch::umt5
