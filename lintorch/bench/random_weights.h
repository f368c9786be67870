#pragma once

#include "lintorch/models/umt5/encoder.h"
#include "lintorch/models/wan/dit.h"
#include "lintorch/models/wan/vae.h"

namespace lintorch::bench {

/// The config with its first `count` layers linear, the others softmax.
wan::WanDitConfig with_linear_layers(wan::WanDitConfig config, int64_t count, int64_t feature_dim);

/// Fills weights where they are: N(0, 0.02^2), those of norms N(1, 0.02^2). Drawn on the device, so that the largest models
/// take no time.
void draw_weights(torch::nn::Module& module);

wan::WanDit random_dit(const wan::WanDitConfig& config, at::ScalarType dtype, c10::Device device);
wan::WanVae random_vae(const wan::WanVaeConfig& config, at::ScalarType dtype, c10::Device device);
umt5::Umt5Encoder random_text_encoder(const umt5::Umt5Config& config, at::ScalarType dtype, c10::Device device);

}  // namespace lintorch::bench
