#pragma once

#include "lintorch/core/enum_names.h"

namespace lintorch {
namespace ops {

/// Feature map phi of linear attention, o_i = phi(q_i) S / (phi(q_i) . z).
/// hedgehog: [softmax(x W), softmax(-x W)], learnable W per head (ops/hedgehog_attention.h).
/// relu: relu(x).   taylor: second-order expansion of exp(q.k / sqrt(K)) (ops/linear_attention.h).
/// Source: LinVideo (arXiv:2510.08318) Eq. 6 and Table VII.
enum class FeatureMap { kHedgehog, kRelu, kTaylor };

/// Whether it has a W to learn.
constexpr bool has_weights(FeatureMap map) { return map == FeatureMap::kHedgehog; }

}  // namespace ops

template <>
struct EnumNames<ops::FeatureMap> {
  static constexpr std::pair<ops::FeatureMap, std::string_view> table[] = {
      {ops::FeatureMap::kHedgehog, "hedgehog"}, {ops::FeatureMap::kRelu, "relu"}, {ops::FeatureMap::kTaylor, "taylor"}};
};

}  // namespace lintorch
