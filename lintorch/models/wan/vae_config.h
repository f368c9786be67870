#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lintorch/core/json.h"

namespace lintorch::wan {

/// Architecture of the Wan 2.1 video autoencoder; field names are those of Diffusers' vae/config.json.
///
/// dim_mult has one entry per stage; between stages the height and width halve, and the frame rate too where
/// temperal_downsample (spelled as in the files) is true.
struct WanVaeConfig {
  int64_t base_dim = 96;
  int64_t z_dim = 16;
  std::vector<int64_t> dim_mult = {1, 2, 4, 4};
  int64_t num_res_blocks = 2;
  std::vector<double> attn_scales;
  std::vector<bool> temperal_downsample = {false, true, true};
  double dropout = 0.0;
  std::vector<double> latents_mean = {-0.7571, -0.7089, -0.9113, 0.1075,  -0.1745, 0.9653,  -0.1517, 1.5508,
                                      0.4134,  -0.0715, 0.5517,  -0.3632, -0.1922, -0.9497, 0.2503,  -0.2921};
  std::vector<double> latents_std = {2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
                                     3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160};

  /// Pixels per latent position along height and width: 2^(stages - 1), 8 for Wan.
  int64_t spatial_factor() const;
  /// Frames per latent frame after the first: 2^(number of temporal down-samplings), 4 for Wan.
  int64_t temporal_factor() const;

  template <class V>
  void visit(V& v) {
    v("base_dim", base_dim, "channels of the first stage, 96 for Wan");
    v("z_dim", z_dim, "latent channels");
    v("dim_mult", dim_mult, "channels of each stage as multiples of base_dim");
    v("num_res_blocks", num_res_blocks, "residual blocks per encoder stage; the decoder has one more");
    v("attn_scales", attn_scales, "encoder scales (1, 0.5, 0.25, ...) whose residual blocks are followed by attention");
    v("temperal_downsample", temperal_downsample,
      "whether the step after each stage but the last halves the frame rate");
    v("dropout", dropout, "dropout rate inside residual blocks, in [0,1)");
    v("latents_mean", latents_mean, "mean of each latent channel, z_dim values");
    v("latents_std", latents_std, "standard deviation of each latent channel, z_dim values");
  }

  /// Throws ConfigError naming the field under `path`.
  void validate(const std::string& path) const;
};

/// The published Wan 2.1 autoencoder: 126.9 M parameters, factors 4 (time) and 8 (space).
WanVaeConfig t2v_vae();

/// A small one for the miniature run: base 16, mult 1, 2, 4, factors 4 (time) and 4 (space), unit latent statistics.
WanVaeConfig tiny_vae();

/// The content of vae/config.json of Diffusers; `where` starts every message. Throws ConfigError for unknown keys and NotSupportedError for options of the
/// Wan 2.2 autoencoder (is_residual, patch_size, another decoder_base_dim or number of pixel channels).
WanVaeConfig vae_config_from_json(const Json& json, const std::string& where);

/// The same from a file. Throws IoError, too.
WanVaeConfig read_vae_config(const std::filesystem::path& path);

/// The content of vae/config.json, with `_class_name` and the keys that Diffusers pipelines read.
Json vae_config_json(const WanVaeConfig& config);

}  // namespace lintorch::wan
