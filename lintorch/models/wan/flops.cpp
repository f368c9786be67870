#include "lintorch/models/wan/flops.h"

namespace lintorch::wan {
namespace {

double linear_attention_flops(const WanDitConfig& config, double L) {
  const double N = static_cast<double>(config.num_attention_heads), K = static_cast<double>(config.attention_head_dim);
  const double features = static_cast<double>(config.linear_attention.num_features(config.attention_head_dim));
  // x W of q and k, 2M features each.
  const double map = ops::has_weights(config.linear_attention.feature_map) ? 2 * L * K * features : 0;
  return N * (map + 4 * L * features * K);
}

}  // namespace

WanDitFlops wan_dit_flops(const WanDitConfig& config, int64_t num_frames, int64_t height, int64_t width,
                          int64_t text_length) {
  config.validate("WanDitConfig");
  const double patch = static_cast<double>(config.patch_size[0] * config.patch_size[1] * config.patch_size[2]);
  const double L = static_cast<double>(num_frames * height * width) / patch, S = static_cast<double>(text_length);
  const double D = static_cast<double>(config.width()), ffn = static_cast<double>(config.ffn_dim);
  WanDitFlops flops;
  const double patches = patch * static_cast<double>(config.in_channels + config.out_channels);
  const double time = D * (static_cast<double>(config.freq_dim) + D + 6 * D);
  flops.projections = 2 * (L * D * patches + time + S * D * (static_cast<double>(config.text_dim) + D));
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    // Self-attention: q, k, v, o; cross-attention: q, o of the video, k, v of the text.
    flops.projections += 2 * D * (4 * L * D + 2 * L * D + 2 * S * D + 2 * L * ffn);
    flops.cross_attention += 4 * L * S * D;
    if (config.attention_of(layer) == AttentionKind::kLinear)
      flops.linear_attention += linear_attention_flops(config, L);
    else
      flops.softmax_attention += 4 * L * L * D;
  }
  return flops;
}

}  // namespace lintorch::wan
