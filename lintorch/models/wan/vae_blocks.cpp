#include "lintorch/models/wan/vae_blocks.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>

#include "lintorch/layers/precision.h"
#include "lintorch/models/wan/vae_conv.h"

namespace lintorch::wan {

CausalConv3dImpl::CausalConv3dImpl(int64_t in_channels, int64_t out_channels, int64_t kernel_size) {
  const int64_t k = kernel_size;
  weight_ = register_parameter("weight", torch::empty({out_channels, in_channels, k, k, k}));
  bias_ = register_parameter("bias", torch::empty({out_channels}));
  reset_conv_parameters(weight_, bias_);
}

at::Tensor CausalConv3dImpl::forward(const at::Tensor& x_BCTHW, StreamCache* cache) {
  if (weight_.size(2) == 1) return pointwise_conv(x_BCTHW, weight_, bias_);
  if (!cache) return causal_conv3d(x_BCTHW, 0, weight_, bias_);
  at::Tensor& history = cache->history(this);
  const int64_t num_history = history.defined() ? history.size(2) : 0;
  const at::Tensor frames = num_history ? at::cat({history, x_BCTHW}, 2) : x_BCTHW;
  keep_last_frames(history, frames, 2);
  return causal_conv3d(frames, num_history, weight_, bias_);
}

ChannelRmsNormImpl::ChannelRmsNormImpl(int64_t channels, int64_t num_trailing) {
  std::vector<int64_t> shape(1 + num_trailing, 1);
  shape[0] = channels;
  gamma_ = register_parameter("gamma", torch::ones(shape));
}

at::Tensor ChannelRmsNormImpl::forward(const at::Tensor& x) {
  // sqrt(C) / max(||x||, 1e-12) = rsqrt(mean(x^2)) except below a norm of 1e-12, where eps bounds it just as well.
  const auto channels = static_cast<double>(x.size(-1));
  // The op computes its statistics in fp32 by itself; autocast would make fp32 copies of whole activations.
  const layers::NoAutocast no_autocast;
  return at::rms_norm(x, {x.size(-1)}, gamma_.flatten().to(x.scalar_type()), 1e-24 / channels);
}

at::Tensor norm_silu(ChannelRmsNorm& norm, const at::Tensor& x_BCTHW) {
  at::Tensor y_BTHWC = norm->forward(channels_last(x_BCTHW));
  return channels_second(at::GradMode::is_enabled() ? at::silu(y_BTHWC) : at::silu_(y_BTHWC));
}

ResidualBlockImpl::ResidualBlockImpl(int64_t in_channels, int64_t out_channels, double dropout) : dropout_(dropout) {
  norm1_ = register_module("norm1", ChannelRmsNorm(in_channels, 3));
  conv1_ = register_module("conv1", CausalConv3d(in_channels, out_channels, 3));
  norm2_ = register_module("norm2", ChannelRmsNorm(out_channels, 3));
  conv2_ = register_module("conv2", CausalConv3d(out_channels, out_channels, 3));
  if (in_channels != out_channels)
    conv_shortcut_ = register_module("conv_shortcut", CausalConv3d(in_channels, out_channels, 1));
}

at::Tensor ResidualBlockImpl::forward(const at::Tensor& x_BCTHW, StreamCache* cache) {
  at::Tensor h_BCTHW = conv1_->forward(norm_silu(norm1_, x_BCTHW), cache);
  h_BCTHW = norm_silu(norm2_, h_BCTHW);
  if (dropout_ > 0) h_BCTHW = at::dropout(h_BCTHW, dropout_, is_training());
  h_BCTHW = conv2_->forward(h_BCTHW, cache);
  const at::Tensor shortcut = conv_shortcut_ ? conv_shortcut_->forward(x_BCTHW, cache) : x_BCTHW;
  return at::GradMode::is_enabled() ? h_BCTHW + shortcut : h_BCTHW.add_(shortcut);
}

FrameAttentionImpl::FrameAttentionImpl(int64_t channels) {
  norm_ = register_module("norm", ChannelRmsNorm(channels, 2));
  to_qkv_ = register_module("to_qkv", torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, 3 * channels, 1)));
  proj_ = register_module("proj", torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, channels, 1)));
}

at::Tensor FrameAttentionImpl::forward(const at::Tensor& x_BCTHW, StreamCache*) {
  const int64_t B = x_BCTHW.size(0), C = x_BCTHW.size(1), T = x_BCTHW.size(2);
  // One sequence of H * W positions per frame, one head.
  const at::Tensor frames = channels_last(x_BCTHW).reshape({B * T, 1, -1, C});
  const at::Tensor qkv = at::linear(norm_->forward(frames), to_qkv_->weight.flatten(1), to_qkv_->bias);
  const auto parts = qkv.chunk(3, -1);
  const at::Tensor mixed = at::scaled_dot_product_attention(parts[0], parts[1], parts[2]);
  const at::Tensor out = frames + at::linear(mixed, proj_->weight.flatten(1), proj_->bias);
  return channels_second(out.view({B, T, x_BCTHW.size(3), x_BCTHW.size(4), C}));
}

MidBlockImpl::MidBlockImpl(int64_t channels, double dropout) {
  resnets_->push_back(ResidualBlock(channels, channels, dropout));
  resnets_->push_back(ResidualBlock(channels, channels, dropout));
  attentions_->push_back(FrameAttention(channels));
  register_module("resnets", resnets_);
  register_module("attentions", attentions_);
}

at::Tensor MidBlockImpl::forward(const at::Tensor& x_BCTHW, StreamCache* cache) {
  at::Tensor y_BCTHW = resnets_->at<VaeBlockImpl>(0).forward(x_BCTHW, cache);
  y_BCTHW = attentions_->at<VaeBlockImpl>(0).forward(y_BCTHW, cache);
  return resnets_->at<VaeBlockImpl>(1).forward(y_BCTHW, cache);
}

}  // namespace lintorch::wan
