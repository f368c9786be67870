#pragma once

#include <torch/torch.h>

#include "lintorch/models/wan/dit.h"

namespace lintorch::test {

/// A transformer of two layers (the second linear if asked for) and width 24, seconds to run in debug builds.
inline wan::WanDitConfig two_layer_config(bool linear_second_layer) {
  wan::WanDitConfig config = wan::tiny();
  config.num_attention_heads = 2;
  config.attention_head_dim = 12;
  config.in_channels = config.out_channels = 4;
  config.text_dim = 10;
  config.freq_dim = 16;
  config.ffn_dim = 32;
  config.num_layers = 2;
  config.linear_attention.feature_dim = 12;
  if (linear_second_layer) config.attention = {wan::AttentionKind::kSoftmax, wan::AttentionKind::kLinear};
  return config;
}

/// Random weights everywhere, also where initialisation is zero (head, biases).
inline wan::WanDit random_dit(const wan::WanDitConfig& config, uint64_t seed) {
  torch::manual_seed(seed);
  wan::WanDit dit(config);
  const at::NoGradGuard no_grad;
  for (auto& parameter : dit->parameters()) parameter.add_(at::randn_like(parameter) * 0.1);
  return dit;
}

struct DitInputs {
  at::Tensor latent_BCTHW, timestep_B, text_BSD;
};

inline DitInputs random_dit_inputs(const wan::WanDitConfig& config, uint64_t seed) {
  torch::manual_seed(seed);
  return {at::randn({2, config.in_channels, 3, 6, 10}), at::tensor({999.0, 12.25}, at::kDouble),
          at::randn({2, 5, config.text_dim})};
}

}  // namespace lintorch::test
