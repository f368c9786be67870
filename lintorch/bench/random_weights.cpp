#include "lintorch/bench/random_weights.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "lintorch/models/wan/dit_checkpoint.h"

namespace lintorch::bench {

wan::WanDitConfig with_linear_layers(wan::WanDitConfig config, int64_t count, int64_t feature_dim) {
  config.attention.assign(config.num_layers, wan::AttentionKind::kSoftmax);
  std::fill_n(config.attention.begin(), count, wan::AttentionKind::kLinear);
  config.linear_attention.feature_dim = feature_dim;
  config.linear_attention.init = layers::FeatureMapInit::kKaiming;  // of any width; the values are drawn anyway
  return config;
}

void draw_weights(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    at::Tensor& value = item.value();
    value.normal_(0, 0.02);
    if (item.key().find("norm") != std::string::npos && item.key().ends_with("weight")) value.add_(1);
  }
}

wan::WanDit random_dit(const wan::WanDitConfig& config, at::ScalarType dtype, c10::Device device) {
  wan::WanDit dit = wan::empty_wan_dit(config, dtype, device);
  draw_weights(*dit);
  return dit;
}

wan::WanVae random_vae(const wan::WanVaeConfig& config, at::ScalarType dtype, c10::Device device) {
  wan::WanVae vae(config);
  vae->to(device, dtype);
  vae->eval();
  return vae;
}

umt5::Umt5Encoder random_text_encoder(const umt5::Umt5Config& config, at::ScalarType dtype, c10::Device device) {
  umt5::Umt5Encoder encoder(config, at::TensorOptions(dtype).device(device));
  draw_weights(*encoder);
  encoder->eval();
  return encoder;
}

}  // namespace lintorch::bench
