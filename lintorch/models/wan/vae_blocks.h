#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <unordered_map>

// Activations are logically [B, C, T, H, W] and lie in memory as channels_last_3d, so [B, T, H, W, C] is a plain view:
// frames, norms and 1x1 convolutions need no copies. T, H, W are the sizes at the block, not those of the latent.

namespace lintorch::wan {

/// Features that a clip processed chunk by chunk carries from one chunk to the next. Without a cache (nullptr) the
/// whole clip is one chunk.
class StreamCache {
 public:
  /// True until the first chunk, which begins with the first frame of the clip, has passed.
  bool first_chunk() const { return first_chunk_; }
  void next_chunk() { first_chunk_ = false; }

  /// The frames kept by a layer; undefined when it has none. Layers are told apart by address.
  at::Tensor& history(const void* layer) { return history_[layer]; }

 private:
  bool first_chunk_ = true;
  std::unordered_map<const void*, at::Tensor> history_;
};

/// Something that maps a chunk of a clip to a chunk; entries of encoder.down_blocks and the mid block.
class VaeBlockImpl : public torch::nn::Module {
 public:
  /// x_BCTHW: the chunk in channels_last_3d, as is the result. cache: null for a whole clip.
  virtual at::Tensor forward(const at::Tensor& x_BCTHW, StreamCache* cache) = 0;
};
TORCH_MODULE(VaeBlock);

/// Convolution over (time, height, width) that sees no later frame: kernel 3x3x3 (zero padding: 1 around height and
/// width, 2 frames before the clip) or 1x1x1. Reference: CausalConv3d in wan/modules/vae.py.
class CausalConv3dImpl : public VaeBlockImpl {
 public:
  CausalConv3dImpl(int64_t in_channels, int64_t out_channels, int64_t kernel_size);
  at::Tensor forward(const at::Tensor& x_BCTHW, StreamCache* cache) override;
  at::ScalarType dtype() const { return weight_.scalar_type(); }

 private:
  at::Tensor weight_;  // [out, in, k, k, k]
  at::Tensor bias_;
};
TORCH_MODULE(CausalConv3d);

/// x / max(||x||_2, 1e-12) * sqrt(C) * gamma over the channels, statistics in fp32.
/// num_trailing: number of ones in the shape [C, 1, ...] of gamma: 3, or 2 inside attention.
class ChannelRmsNormImpl : public torch::nn::Module {
 public:
  ChannelRmsNormImpl(int64_t channels, int64_t num_trailing);
  /// x: channels in the last dimension.
  at::Tensor forward(const at::Tensor& x);

 private:
  at::Tensor gamma_;
};
TORCH_MODULE(ChannelRmsNorm);

/// silu(norm(x)) for x_BCTHW, as used before every 3x3x3 convolution of the blocks and heads.
at::Tensor norm_silu(ChannelRmsNorm& norm, const at::Tensor& x_BCTHW);

/// x + conv2(silu(norm2(conv1(silu(norm1(x)))))), with a 1x1x1 convolution of x where the channel counts differ.
class ResidualBlockImpl : public VaeBlockImpl {
 public:
  ResidualBlockImpl(int64_t in_channels, int64_t out_channels, double dropout);
  at::Tensor forward(const at::Tensor& x_BCTHW, StreamCache* cache) override;

 private:
  double dropout_;
  ChannelRmsNorm norm1_{nullptr}, norm2_{nullptr};
  CausalConv3d conv1_{nullptr}, conv2_{nullptr}, conv_shortcut_{nullptr};
};
TORCH_MODULE(ResidualBlock);

/// Self-attention among the positions of each frame, one head, scale 1/sqrt(C), with residual.
class FrameAttentionImpl : public VaeBlockImpl {
 public:
  explicit FrameAttentionImpl(int64_t channels);
  at::Tensor forward(const at::Tensor& x_BCTHW, StreamCache* cache) override;

 private:
  ChannelRmsNorm norm_{nullptr};
  torch::nn::Conv2d to_qkv_{nullptr}, proj_{nullptr};  // 1x1, applied as linear layers
};
TORCH_MODULE(FrameAttention);

/// Residual block, attention, residual block; submodules resnets.{0,1} and attentions.0.
class MidBlockImpl : public VaeBlockImpl {
 public:
  MidBlockImpl(int64_t channels, double dropout);
  at::Tensor forward(const at::Tensor& x_BCTHW, StreamCache* cache) override;

 private:
  torch::nn::ModuleList resnets_, attentions_;
};
TORCH_MODULE(MidBlock);

}  // namespace lintorch::wan
