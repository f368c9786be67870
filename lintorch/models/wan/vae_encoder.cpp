#include "lintorch/models/wan/vae_encoder.h"

#include <algorithm>

#include "lintorch/models/wan/vae_resample.h"

namespace lintorch::wan {

WanEncoderImpl::WanEncoderImpl(const WanVaeConfig& config) {
  int64_t channels = config.base_dim;
  conv_in_ = register_module("conv_in", CausalConv3d(3, channels, 3));
  double scale = 1.0;
  for (size_t stage = 0; stage < config.dim_mult.size(); ++stage) {
    const int64_t out_channels = config.base_dim * config.dim_mult[stage];
    for (int64_t i = 0; i < config.num_res_blocks; ++i) {
      down_blocks_->push_back(ResidualBlock(channels, out_channels, config.dropout));
      channels = out_channels;
      if (std::count(config.attn_scales.begin(), config.attn_scales.end(), scale) > 0)
        down_blocks_->push_back(FrameAttention(channels));
    }
    if (stage + 1 < config.dim_mult.size()) {
      down_blocks_->push_back(Downsample(channels, config.temperal_downsample[stage]));
      scale /= 2;
    }
  }
  register_module("down_blocks", down_blocks_);
  mid_block_ = register_module("mid_block", MidBlock(channels, config.dropout));
  norm_out_ = register_module("norm_out", ChannelRmsNorm(channels, 3));
  conv_out_ = register_module("conv_out", CausalConv3d(channels, 2 * config.z_dim, 3));
}

at::Tensor WanEncoderImpl::forward(const at::Tensor& video_BCFHW, StreamCache* cache) {
  at::Tensor x_BCTHW = conv_in_->forward(video_BCFHW, cache);
  for (size_t i = 0; i < down_blocks_->size(); ++i) x_BCTHW = down_blocks_->at<VaeBlockImpl>(i).forward(x_BCTHW, cache);
  x_BCTHW = mid_block_->forward(x_BCTHW, cache);
  return conv_out_->forward(norm_silu(norm_out_, x_BCTHW), cache);
}

}  // namespace lintorch::wan
