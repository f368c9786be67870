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

/// Order of the rotation R (RoPE) and the feature map phi.
/// before: v_j is weighed by phi(R_i q_i) . phi(R_j k_j), over the sum of these weights.
/// after: by (R_i phi(q_i)) . (R_j phi(k_j)), over the sum of phi(q_i) . phi(k_j) (ops/linear_attention.h,
/// rotated_linear_attention). Source: SANA-Video (arXiv:2509.24695) Eq. 2.
enum class RopeOrder { kBefore, kAfter };

/// Kind and size of the linear attention layers of a model.
struct LinearAttentionConfig {
  ops::FeatureMap feature_map = ops::FeatureMap::kHedgehog;
  int64_t feature_dim = 64;  ///< M, projection width per head; the map has 2M features
  FeatureMapInit init = FeatureMapInit::kIdentity;
  RopeOrder rope = RopeOrder::kBefore;

  template <class V>
  void visit(V& v) {
    v("feature_map", feature_map, "feature map phi of the linear layers");
    v("feature_dim", feature_dim, "projection width M per head of the hedgehog map, which has 2M features");
    v("init", init, "start of the hedgehog weights; identity needs feature_dim = attention_head_dim");
    v("rope", rope,
      "rotation of q and k before the feature map, or of the features after it (numerator only; needs features in a "
      "multiple of attention_head_dim: not taylor)");
  }
  /// E, features per head of K = head_dim channels: 2 feature_dim (hedgehog), K (relu) or 1 + K + K^2 (taylor).
  int64_t num_features(int64_t head_dim) const;
  /// Throws ConfigError naming `path`.
  void validate(const std::string& path) const;
  /// Throws ConfigError naming `path` unless the map fits heads of `head_dim` channels: identity init needs
  /// feature_dim = head_dim, rope "after" num_features in a multiple of head_dim.
  void validate_for_head(const std::string& path, int64_t head_dim) const;
};

}  // namespace layers

template <>
struct EnumNames<layers::FeatureMapInit> {
  static constexpr std::pair<layers::FeatureMapInit, std::string_view> table[] = {
      {layers::FeatureMapInit::kIdentity, "identity"}, {layers::FeatureMapInit::kKaiming, "kaiming"}};
};

template <>
struct EnumNames<layers::RopeOrder> {
  static constexpr std::pair<layers::RopeOrder, std::string_view> table[] = {{layers::RopeOrder::kBefore, "before"},
                                                                             {layers::RopeOrder::kAfter, "after"}};
};

}  // namespace lintorch
