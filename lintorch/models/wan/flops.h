#pragma once

#include <cstdint>

#include "lintorch/models/wan/config.h"

namespace lintorch::wan {

/// Floating point operations (a multiply-add counts as two) of one forward pass of one sample.
struct WanDitFlops {
  double projections = 0;        ///< all matrix products with weights: q, k, v, o, FFN, embeddings, head
  double softmax_attention = 0;  ///< softmax self-attention layers: 4 L^2 D each
  double linear_attention = 0;   ///< linear self-attention layers: feature maps and states
  double cross_attention = 0;    ///< 4 L S D per layer
  double total() const { return projections + softmax_attention + linear_attention + cross_attention; }
};

/// Counts matrix products only (norms, RoPE, softmax and other elementwise work are left out).
/// num_frames, height, width: of the latent; text_length: S. Per linear layer and head with K = V: the Hedgehog map costs
/// 2 * 2 L K M, state and output 4 L E K, with E = 2M features (relu: K, Taylor: 1 + K + K^2, no map product).
/// Throws ConfigError for an invalid config.
WanDitFlops wan_dit_flops(const WanDitConfig& config, int64_t num_frames, int64_t height, int64_t width,
                          int64_t text_length);

}  // namespace lintorch::wan
