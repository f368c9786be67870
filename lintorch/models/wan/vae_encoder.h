#pragma once

#include "lintorch/models/wan/vae_blocks.h"
#include "lintorch/models/wan/vae_config.h"

namespace lintorch::wan {

/// Pixels to latent moments, before quant_conv: conv_in, down_blocks.I (residual blocks, attention and down-samplings
/// in one flat list), mid_block, norm_out, conv_out.
class WanEncoderImpl : public VaeBlockImpl {
 public:
  explicit WanEncoderImpl(const WanVaeConfig& config);

  /// [B, 3, F, H, W] -> [B, 2 z_dim, T, h, w] for one chunk (or, without a cache, a whole clip).
  at::Tensor forward(const at::Tensor& video_BCFHW, StreamCache* cache) override;

 private:
  CausalConv3d conv_in_{nullptr}, conv_out_{nullptr};
  torch::nn::ModuleList down_blocks_;
  MidBlock mid_block_{nullptr};
  ChannelRmsNorm norm_out_{nullptr};
};
TORCH_MODULE(WanEncoder);

}  // namespace lintorch::wan
