#include "lintorch/pipeline/video_size.h"

#include <algorithm>
#include <charconv>

#include "lintorch/core/error.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::pipeline {

void parse_size(const std::string& text, int64_t& width, int64_t& height) {
  const char* end = text.data() + text.size();
  const auto [after_width, width_error] = std::from_chars(text.data(), end, width);
  bool valid = width_error == std::errc{} && after_width != end && (*after_width == 'x' || *after_width == '*');
  if (valid) {
    const auto [after_height, height_error] = std::from_chars(after_width + 1, end, height);
    valid = height_error == std::errc{} && after_height == end && width > 0 && height > 0;
  }
  LT_CHECK(valid, ConfigError, "size \"{}\": expected WIDTHxHEIGHT, e.g. 832x480", text);
}

VideoSize choose_size(const GenerationDefaults& defaults, const std::optional<std::string>& size,
                      const std::optional<int64_t>& frames) {
  VideoSize chosen{defaults.width, defaults.height, frames.value_or(defaults.frames)};
  if (size) parse_size(*size, chosen.width, chosen.height);
  return chosen;
}

static int64_t nearest_multiple(int64_t value, int64_t factor) {
  return std::max(factor, (value + factor / 2) / factor * factor);
}

std::vector<int64_t> latent_shape(const wan::WanDitConfig& dit, const wan::WanVaeConfig& vae, const VideoSize& size) {
  const int64_t time = vae.temporal_factor();
  const int64_t space = vae.spatial_factor();
  const int64_t grid_h = space * dit.patch_size[1];
  const int64_t grid_w = space * dit.patch_size[2];
  LT_CHECK(size.frames >= 1 && (size.frames - 1) % time == 0, ConfigError,
           "[video size] frames must be 1 + a multiple of {}, got {}: nearest is {}", time, size.frames,
           size.frames < 1 ? 1 : 1 + (size.frames - 1 + time / 2) / time * time);
  LT_CHECK(size.width > 0 && size.height > 0 && size.width % grid_w == 0 && size.height % grid_h == 0, ConfigError,
           "[video size] width must be a multiple of {} and height of {}, got {}x{}: nearest is {}x{}", grid_w, grid_h,
           size.width, size.height, nearest_multiple(size.width, grid_w), nearest_multiple(size.height, grid_h));
  const std::vector<int64_t> shape{dit.in_channels, (size.frames - 1) / time + 1, size.height / space,
                                   size.width / space};
  const int64_t longest = std::max({shape[1] / dit.patch_size[0], size.height / grid_h, size.width / grid_w});
  LT_CHECK(longest <= dit.rope_max_seq_len, ConfigError,
           "[video size] {}x{}, {} frames needs {} positions on one axis, the model's rotary table has {}", size.width,
           size.height, size.frames, longest, dit.rope_max_seq_len);
  return shape;
}

int64_t num_tokens(const wan::WanDitConfig& dit, const std::vector<int64_t>& latent_shape) {
  const auto& patch = dit.patch_size;
  return latent_shape[1] / patch[0] * (latent_shape[2] / patch[1]) * (latent_shape[3] / patch[2]);
}

}  // namespace lintorch::pipeline
