#include "lintorch/models/wan/vae_resample.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/upsample_nearest2d.h>

#include "lintorch/core/error.h"
#include "lintorch/models/wan/vae_conv.h"

namespace lintorch::wan {
namespace {

/// Registers "resample.1", the only entry with parameters of the reference's Sequential.
torch::nn::Conv2d register_picture_conv(torch::nn::Module& module, const torch::nn::Conv2dOptions& options) {
  const auto sequence = module.register_module("resample", std::make_shared<torch::nn::Module>());
  return sequence->register_module("1", torch::nn::Conv2d(options));
}

/// Registers "time_conv.{weight,bias}".
std::pair<at::Tensor, at::Tensor> register_time_conv(torch::nn::Module& module, int64_t in_channels,
                                                     int64_t out_channels) {
  const auto holder = module.register_module("time_conv", std::make_shared<torch::nn::Module>());
  at::Tensor weight = holder->register_parameter("weight", torch::empty({out_channels, in_channels, 3, 1, 1}));
  at::Tensor bias = holder->register_parameter("bias", torch::empty({out_channels}));
  reset_conv_parameters(weight, bias);
  return {weight, bias};
}

}  // namespace

DownsampleImpl::DownsampleImpl(int64_t channels, bool temporal) {
  conv_ = register_picture_conv(*this, torch::nn::Conv2dOptions(channels, channels, 3).stride(2));
  if (temporal) std::tie(time_weight_, time_bias_) = register_time_conv(*this, channels, channels);
}

at::Tensor DownsampleImpl::forward(const at::Tensor& x_BCTHW, StreamCache* cache) {
  const at::Tensor padded = at::constant_pad_nd(to_pictures(x_BCTHW), {0, 1, 0, 1});
  at::Tensor y_BCTHW = from_pictures(conv_->forward(padded), x_BCTHW.size(0));
  if (!time_weight_.defined()) return y_BCTHW;

  const bool first = !cache || cache->first_chunk();
  at::Tensor frames = first ? y_BCTHW : at::cat({cache->history(this), y_BCTHW}, 2);
  if (cache) keep_last_frames(cache->history(this), y_BCTHW, 1);
  if (first && frames.size(2) == 1) return frames;
  const at::Tensor later = time_conv(frames, 2, time_weight_, time_bias_);
  return first ? at::cat({y_BCTHW.narrow(2, 0, 1), later}, 2) : later;
}

UpsampleImpl::UpsampleImpl(int64_t channels, bool temporal) {
  conv_ = register_picture_conv(*this, torch::nn::Conv2dOptions(channels, channels / 2, 3).padding(1));
  if (temporal) std::tie(time_weight_, time_bias_) = register_time_conv(*this, channels, 2 * channels);
}

at::Tensor UpsampleImpl::forward(const at::Tensor& x_BCTHW, StreamCache* cache) {
  at::Tensor y_BCTHW = x_BCTHW;
  if (time_weight_.defined()) {
    const bool first = !cache || cache->first_chunk();
    if (!first) {
      y_BCTHW = double_frames(x_BCTHW, cache);
    } else if (const int64_t num_later = x_BCTHW.size(2) - 1; num_later > 0) {
      y_BCTHW = at::cat({x_BCTHW.narrow(2, 0, 1), double_frames(x_BCTHW.narrow(2, 1, num_later), cache)}, 2);
    }
  }
  const at::Tensor pictures = to_pictures(y_BCTHW);
  const at::Tensor wide = at::upsample_nearest2d(pictures, {2 * pictures.size(2), 2 * pictures.size(3)});
  return from_pictures(conv_->forward(wide), x_BCTHW.size(0));
}

at::Tensor UpsampleImpl::double_frames(const at::Tensor& x_BCTHW, StreamCache* cache) {
  at::Tensor frames = x_BCTHW;
  if (cache && cache->history(this).defined()) frames = at::cat({cache->history(this), x_BCTHW}, 2);
  if (cache) keep_last_frames(cache->history(this), frames, 2);
  const int64_t num_missing = x_BCTHW.size(2) + 2 - frames.size(2);
  if (num_missing > 0) frames = at::constant_pad_nd(frames, {0, 0, 0, 0, num_missing, 0});

  // The two halves of the channels are the two frames that a frame becomes.
  const at::Tensor pairs = channels_last(time_conv(frames, 1, time_weight_, time_bias_));
  const int64_t B = pairs.size(0), T = pairs.size(1), H = pairs.size(2), W = pairs.size(3), C = pairs.size(4) / 2;
  const at::Tensor y_BTHWC = pairs.view({B, T, H, W, 2, C}).permute({0, 1, 4, 2, 3, 5}).reshape({B, 2 * T, H, W, C});
  return channels_second(y_BTHWC);
}

}  // namespace lintorch::wan
