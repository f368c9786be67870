#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/models/wan/config.h"
#include "lintorch/models/wan/vae_config.h"

namespace lintorch::pipeline {

struct GenerationDefaults;

struct VideoSize {
  int64_t width;
  int64_t height;
  int64_t frames;
};

/// "832x480" (also 832*480) -> width, height. Throws ConfigError.
void parse_size(const std::string& text, int64_t& width, int64_t& height);

/// The size asked for, with the model's where it says nothing. size as for parse_size.
VideoSize choose_size(const GenerationDefaults& defaults, const std::optional<std::string>& size,
                      const std::optional<int64_t>& frames);

/// Latent shape [C, T, H, W] of a video: T = (frames - 1) / temporal factor + 1, H and W divided by the spatial factor.
/// Throws ConfigError with the nearest valid size unless frames = 1 + k * temporal factor and width, height are
/// multiples of spatial factor * patch.
std::vector<int64_t> latent_shape(const wan::WanDitConfig& dit, const wan::WanVaeConfig& vae, const VideoSize& size);

/// Tokens of a latent of shape [C, T, H, W].
int64_t num_tokens(const wan::WanDitConfig& dit, const std::vector<int64_t>& latent_shape);

}  // namespace lintorch::pipeline
