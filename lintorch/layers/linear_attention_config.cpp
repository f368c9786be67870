#include "lintorch/layers/linear_attention_config.h"

#include "lintorch/core/error.h"

namespace lintorch::layers {

int64_t LinearAttentionConfig::num_features(int64_t head_dim) const {
  switch (feature_map) {
    case ops::FeatureMap::kHedgehog:
      break;
    case ops::FeatureMap::kRelu:
      return head_dim;
    case ops::FeatureMap::kTaylor:
      return 1 + head_dim + head_dim * head_dim;
  }
  return 2 * feature_dim;
}

void LinearAttentionConfig::validate(const std::string& path) const {
  LT_CHECK(feature_dim > 0, ConfigError, "{}.feature_dim: expected a positive value, got {}", path, feature_dim);
}

void LinearAttentionConfig::validate_for_head(const std::string& path, int64_t head_dim) const {
  const bool identity = ops::has_weights(feature_map) && init == FeatureMapInit::kIdentity;
  LT_CHECK(!identity || feature_dim == head_dim, ConfigError,
           "{}.feature_dim: expected attention_head_dim = {} for identity init, got {}: use init = kaiming", path,
           head_dim, feature_dim);
  LT_CHECK(
      rope == RopeOrder::kBefore || num_features(head_dim) % head_dim == 0, ConfigError,
      "{}.rope: expected \"before\", or \"after\" with features per head in a multiple of attention_head_dim = {}, "
      "got \"after\" with the {} features of {}: use relu, or hedgehog with 2 feature_dim such a multiple",
      path, head_dim, num_features(head_dim), enum_name(feature_map));
}

}  // namespace lintorch::layers
