#include "lintorch/inspect/tensor_spec.h"

#include <cmath>
#include <functional>
#include <numeric>

#include "lintorch/models/umt5/shapes.h"
#include "lintorch/models/wan/dit_shapes.h"

namespace lintorch::inspect {
namespace {

double inverse_sqrt(int64_t n) { return 1 / std::sqrt(static_cast<double>(n)); }

/// The product of all sizes but the first.
int64_t fan_in(const TensorSpec& spec) { return spec.numel() / spec.shape[0]; }

void set_feature_map(TensorSpec& spec, const wan::WanDitConfig& config) {
  spec.identity = config.linear_attention.init == layers::FeatureMapInit::kIdentity;
  // The deviation of Kaiming-uniform values, which spread over +-1/sqrt(K).
  if (!spec.identity) spec.std = inverse_sqrt(3 * config.attention_head_dim);
}

void set_dit_values(TensorSpec& spec, const wan::WanDitConfig& config) {
  const auto has = [&](std::string_view part) { return spec.name.find(part) != std::string::npos; };
  if (spec.name.ends_with(".bias")) return;
  if (has(".norm")) {
    spec.mean = 1;
  } else if (has(".attn1.core.")) {
    set_feature_map(spec, config);
  } else if (spec.name.ends_with("scale_shift_table")) {
    spec.std = inverse_sqrt(config.width());
  } else if (has(".time_embedder.") || has(".text_embedder.")) {
    spec.std = 0.02;
  } else {
    spec.std = std::sqrt(2.0 / static_cast<double>(spec.shape[0] + fan_in(spec)));
  }
}

void set_umt5_values(TensorSpec& spec, const umt5::Umt5Config& config) {
  const double factor = config.initializer_factor;
  if (spec.name.ends_with("layer_norm.weight")) {
    spec.mean = 1;
  } else if (spec.name == "shared.weight") {
    spec.std = factor;
  } else if (spec.name.ends_with(".q.weight")) {
    spec.std = factor * inverse_sqrt(config.d_model * config.d_kv);
  } else if (spec.name.ends_with(".relative_attention_bias.weight")) {
    spec.std = factor * inverse_sqrt(config.d_model);
  } else {
    spec.std = factor * inverse_sqrt(fan_in(spec));
  }
}

template <class Config>
std::vector<TensorSpec> specs(const layers::ShapeMap& shapes, const Config& config,
                              void (*set_values)(TensorSpec&, const Config&)) {
  std::vector<TensorSpec> list;
  for (const auto& [name, shape] : shapes) {
    list.push_back({name, shape});
    set_values(list.back(), config);
  }
  return list;
}

}  // namespace

int64_t TensorSpec::numel() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

int64_t count_parameters(const std::vector<TensorSpec>& tensors) {
  int64_t count = 0;
  for (const auto& spec : tensors) count += spec.numel();
  return count;
}

std::vector<TensorSpec> wan_dit_tensors(const wan::WanDitConfig& config) {
  config.validate("transformer");
  return specs(wan::dit_shapes(config), config, set_dit_values);
}

std::vector<TensorSpec> umt5_tensors(const umt5::Umt5Config& config) {
  config.validate("text_encoder");
  return specs(umt5::umt5_shapes(config), config, set_umt5_values);
}

}  // namespace lintorch::inspect
