#pragma once

#include "lintorch/models/wan/vae_blocks.h"
#include "lintorch/models/wan/vae_config.h"

namespace lintorch::wan {

/// Latent, after post_quant_conv, to pixels: conv_in, mid_block, up_blocks.J.{resnets.K, upsamplers.0}, norm_out,
/// conv_out.
class WanDecoderImpl : public VaeBlockImpl {
 public:
  explicit WanDecoderImpl(const WanVaeConfig& config);

  /// [B, z_dim, T, h, w] -> [B, 3, F, H, W] for one chunk (or, without a cache, a whole clip).
  at::Tensor forward(const at::Tensor& z_BCTHW, StreamCache* cache) override;

 private:
  CausalConv3d conv_in_{nullptr}, conv_out_{nullptr};
  MidBlock mid_block_{nullptr};
  torch::nn::ModuleList up_blocks_;
  ChannelRmsNorm norm_out_{nullptr};
};
TORCH_MODULE(WanDecoder);

}  // namespace lintorch::wan
