#pragma once

#include <cstdint>
#include <string>

#include "lintorch/core/enum_names.h"
#include "lintorch/ops/feature_map.h"

namespace lintorch {
namespace layers {

/// Start of the Hedgehog weights: identity (phi starts as a softmax over the head's own channels; needs M = K) or
/// Kaiming-uniform (as LoLCATs).
enum class FeatureMapInit { kIdentity, kKaiming };

/// Kind and size of the linear attention layers of a model.
struct LinearAttentionConfig {
  ops::FeatureMap feature_map = ops::FeatureMap::kHedgehog;
  int64_t feature_dim = 64;  ///< M, projection width per head; the map has 2M features
  FeatureMapInit init = FeatureMapInit::kIdentity;

  template <class V>
  void visit(V& v) {
    v("feature_map", feature_map, "feature map phi of the linear layers");
    v("feature_dim", feature_dim, "projection width M per head of the hedgehog map, which has 2M features");
    v("init", init, "start of the hedgehog weights; identity needs feature_dim = attention_head_dim");
  }
  /// Throws ConfigError naming `path`.
  void validate(const std::string& path) const;
};

}  // namespace layers

template <>
struct EnumNames<layers::FeatureMapInit> {
  static constexpr std::pair<layers::FeatureMapInit, std::string_view> table[] = {
      {layers::FeatureMapInit::kIdentity, "identity"}, {layers::FeatureMapInit::kKaiming, "kaiming"}};
};

}  // namespace lintorch
