#include "lintorch/inspect/cost_estimate.h"

#include <algorithm>

namespace lintorch::inspect {
namespace {

double real(int64_t n) { return static_cast<double>(n); }

}  // namespace

double forward_activation_bytes(const wan::WanDitConfig& config, int64_t tokens, int64_t text_tokens, int64_t b) {
  const double L = real(tokens), S = real(text_tokens), D = real(config.width()), F = real(config.ffn_dim);
  const double patch = real(config.patch_size[0] * config.patch_size[1] * config.patch_size[2]);
  const double layer = L * (20 * D + 2 * F) + 6 * S * D;
  const double ends = L * (2 * D + patch * real(config.in_channels + config.out_channels));
  const double text = S * (real(config.text_dim) + 3 * D);
  return real(b) * (real(config.num_layers) * layer + ends + text);
}

double inference_activation_bytes(const wan::WanDitConfig& config, int64_t tokens, int64_t b) {
  const double D = real(config.width()), F = real(config.ffn_dim), bytes = real(b);
  const double feed_forward = (4 + bytes) * D + 2 * bytes * F;
  const double attention = (12 + 4 * bytes) * D;
  return real(tokens) * (4 * D + std::max(feed_forward, attention));
}

double training_activation_bytes(const wan::WanDitConfig& config, int64_t tokens) {
  return real(config.num_layers) * real(tokens) * (56 * real(config.width()) + 4 * real(config.ffn_dim));
}

double vae_decode_bytes(const wan::WanVaeConfig& config, int64_t height, int64_t width, int64_t frames) {
  constexpr int64_t kFp32 = 4, kCachedFrames = 2, kPixelChannels = 3;
  const int64_t last = config.base_dim * config.dim_mult[0];
  const int64_t before = config.base_dim * config.dim_mult[std::min<size_t>(1, config.dim_mult.size() - 1)];
  const int64_t chunk = std::min(frames, config.temporal_factor());
  const int64_t convolutions = 2 * (config.num_res_blocks + 1) + 1;
  const int64_t values = chunk * (before + 2 * last) + kCachedFrames * last * convolutions + kPixelChannels * frames;
  return real(kFp32 * height * width) * real(values);
}

}  // namespace lintorch::inspect
