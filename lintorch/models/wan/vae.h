#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

#include "lintorch/models/wan/vae_blocks.h"
#include "lintorch/models/wan/vae_config.h"
#include "lintorch/models/wan/vae_decoder.h"
#include "lintorch/models/wan/vae_encoder.h"

namespace lintorch::wan {

/// How a clip passes through the autoencoder. All modes compute the same function (equal up to fp32 rounding).
enum class ClipMode {
  kAuto,       ///< kWholeClip while gradients are recorded or the clip is small, else kStreaming; see kWholeClipValues
  kWholeClip,  ///< one pass over all frames: fewest kernel launches, memory grows with the length of the clip
  kStreaming,  ///< one latent frame at a time with cached features: memory does not grow with the length of the clip
};

/// kAuto streams clips whose widest feature map, F * H * W * base_dim * batch, has more values than this (256 MiB in
/// fp32): no clip of the miniature model, every clip of more than one latent frame of Wan at 480p.
inline constexpr int64_t kWholeClipValues = int64_t{1} << 26;

/// The Wan 2.1 causal video autoencoder. Submodules and parameters carry Diffusers' names.
///
/// Pixels are in [-1,1]. A clip has F = 1 + k * temporal_factor() frames and gives T = 1 + k latent frames: the first
/// frame is coded alone. Height and width are multiples of spatial_factor(). Results have the dtype of the input;
/// inside, the dtype of the weights (or of autocast) is used. The functions throw Error for sizes that do not fit.
/// Reference: wan/modules/vae.py (Wan 2.1), AutoencoderKLWan (Diffusers 0.33 and later).
class WanVaeImpl : public torch::nn::Module {
 public:
  explicit WanVaeImpl(const WanVaeConfig& config);

  /// Mean and log-variance of the latent, along dimension 1: [B, 3, F, H, W] -> [B, 2 z_dim, T, h, w]. Not normalized.
  at::Tensor encode_moments(const at::Tensor& video_BCFHW, ClipMode mode = ClipMode::kAuto);

  /// Normalized latent of the mean: (mu - latents_mean) / latents_std; [B, 3, F, H, W] -> [B, z_dim, T, h, w].
  at::Tensor encode(const at::Tensor& video_BCFHW, ClipMode mode = ClipMode::kAuto);

  /// Video of a normalized latent, clamped to [-1,1]: [B, z_dim, T, h, w] -> [B, 3, F, H, W].
  at::Tensor decode(const at::Tensor& latent_BCTHW, ClipMode mode = ClipMode::kAuto);

  /// Decoder alone, for training: z is not normalized, the result is not clamped.
  at::Tensor decode_raw(const at::Tensor& z_BCTHW, ClipMode mode = ClipMode::kAuto);

  /// z -> (z - latents_mean) / latents_std, and back; [B, z_dim, T, h, w].
  at::Tensor normalize(const at::Tensor& z_BCTHW);
  at::Tensor denormalize(const at::Tensor& latent_BCTHW);

  /// Replaces latents_mean and latents_std (z_dim values each, std positive); they are saved with the config.
  /// Throws ConfigError.
  void set_latent_statistics(const std::vector<double>& mean, const std::vector<double>& std);

  int64_t spatial_factor() const { return config_.spatial_factor(); }
  int64_t temporal_factor() const { return config_.temporal_factor(); }
  const WanVaeConfig& config() const { return config_; }

 private:
  void check_video(const at::Tensor& video_BCFHW) const;
  void check_latent(const at::Tensor& latent_BCTHW) const;
  bool streams(ClipMode mode, int64_t num_positions) const;
  at::Tensor statistics(const std::vector<double>& values, const at::Tensor& like) const;

  WanVaeConfig config_;
  WanEncoder encoder_{nullptr};
  CausalConv3d quant_conv_{nullptr};
  CausalConv3d post_quant_conv_{nullptr};
  WanDecoder decoder_{nullptr};
};
TORCH_MODULE(WanVae);

}  // namespace lintorch::wan
