#pragma once

#include <torch/nn/modules/conv.h>

#include "lintorch/models/wan/vae_blocks.h"

namespace lintorch::wan {

/// Halves height and width (zero padding right and below, 3x3 convolution of stride 2), and if `temporal` the frame
/// rate: the first frame of the clip is kept as it is, then each pair of frames, with the one before it, gives one:
/// y_0 = x_0, y_i = bias + w_0 x_{2i-2} + w_1 x_{2i-1} + w_2 x_{2i}.
/// Reference: Resample, modes downsample2d and downsample3d, in wan/modules/vae.py.
class DownsampleImpl : public VaeBlockImpl {
 public:
  DownsampleImpl(int64_t channels, bool temporal);
  at::Tensor forward(const at::Tensor& x_BCTHW, StreamCache* cache) override;

 private:
  torch::nn::Conv2d conv_{nullptr};
  at::Tensor time_weight_, time_bias_;  // undefined unless temporal
};
TORCH_MODULE(Downsample);

/// Doubles height and width (nearest, 3x3 convolution to half the channels), after doubling the frame rate if
/// `temporal`: the first frame of the clip stays one frame, each later one becomes two by a causal convolution over
/// time that does not see the first frame (zeros in its place).
/// Reference: Resample, modes upsample2d and upsample3d, in wan/modules/vae.py.
class UpsampleImpl : public VaeBlockImpl {
 public:
  UpsampleImpl(int64_t channels, bool temporal);
  at::Tensor forward(const at::Tensor& x_BCTHW, StreamCache* cache) override;

 private:
  at::Tensor double_frames(const at::Tensor& x_BCTHW, StreamCache* cache);

  torch::nn::Conv2d conv_{nullptr};
  at::Tensor time_weight_, time_bias_;  // undefined unless temporal
};
TORCH_MODULE(Upsample);

}  // namespace lintorch::wan
