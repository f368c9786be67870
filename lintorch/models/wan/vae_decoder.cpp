#include "lintorch/models/wan/vae_decoder.h"

#include "lintorch/models/wan/vae_resample.h"

namespace lintorch::wan {
namespace {

/// Residual blocks and, except in the last stage, an up-sampling; submodules resnets.K and upsamplers.0.
class UpBlockImpl : public VaeBlockImpl {
 public:
  UpBlockImpl(int64_t in_channels, int64_t out_channels, int64_t num_resnets, double dropout) {
    for (int64_t i = 0; i < num_resnets; ++i)
      resnets_->push_back(ResidualBlock(i == 0 ? in_channels : out_channels, out_channels, dropout));
    register_module("resnets", resnets_);
  }

  void add_upsampler(int64_t channels, bool temporal) {
    upsamplers_->push_back(Upsample(channels, temporal));
    register_module("upsamplers", upsamplers_);
  }

  at::Tensor forward(const at::Tensor& x_BCTHW, StreamCache* cache) override {
    at::Tensor y_BCTHW = x_BCTHW;
    for (auto* list : {&resnets_, &upsamplers_})
      for (size_t i = 0; i < (*list)->size(); ++i) y_BCTHW = (*list)->at<VaeBlockImpl>(i).forward(y_BCTHW, cache);
    return y_BCTHW;
  }

 private:
  torch::nn::ModuleList resnets_, upsamplers_;
};

}  // namespace

WanDecoderImpl::WanDecoderImpl(const WanVaeConfig& config) {
  const auto num_stages = static_cast<int64_t>(config.dim_mult.size());
  int64_t channels = config.base_dim * config.dim_mult.back();
  conv_in_ = register_module("conv_in", CausalConv3d(config.z_dim, channels, 3));
  mid_block_ = register_module("mid_block", MidBlock(channels, config.dropout));
  for (int64_t stage = num_stages - 1; stage >= 0; --stage) {
    const int64_t out_channels = config.base_dim * config.dim_mult[stage];
    auto block = std::make_shared<UpBlockImpl>(channels, out_channels, config.num_res_blocks + 1, config.dropout);
    channels = out_channels;
    if (stage > 0) {
      block->add_upsampler(channels, config.temperal_downsample[stage - 1]);
      channels /= 2;
    }
    up_blocks_->push_back(std::move(block));
  }
  register_module("up_blocks", up_blocks_);
  norm_out_ = register_module("norm_out", ChannelRmsNorm(channels, 3));
  conv_out_ = register_module("conv_out", CausalConv3d(channels, 3, 3));
}

at::Tensor WanDecoderImpl::forward(const at::Tensor& z_BCTHW, StreamCache* cache) {
  at::Tensor x_BCTHW = conv_in_->forward(z_BCTHW, cache);
  x_BCTHW = mid_block_->forward(x_BCTHW, cache);
  for (size_t i = 0; i < up_blocks_->size(); ++i) x_BCTHW = up_blocks_->at<VaeBlockImpl>(i).forward(x_BCTHW, cache);
  return conv_out_->forward(norm_silu(norm_out_, x_BCTHW), cache);
}

}  // namespace lintorch::wan
