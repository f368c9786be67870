#include "lintorch/layers/linear_core.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>

#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/layers/precision.h"
#include "lintorch/ops/bmm_accumulate.h"
#include "lintorch/ops/hedgehog_attention.h"
#include "lintorch/ops/hedgehog_feature_map.h"
#include "lintorch/ops/linear_attention.h"
#include "lintorch/ops/rope_3d.h"

namespace lintorch::layers {
namespace {

at::Tensor initial_map(int64_t num_heads, int64_t head_dim, const LinearAttentionConfig& config,
                       const std::optional<at::Generator>& generator) {
  if (config.init == FeatureMapInit::kIdentity) return at::eye(head_dim).expand({num_heads, -1, -1}).contiguous();
  // Kaiming-uniform with a = sqrt(5), fan-in K, as torch.nn.Linear and LoLCATs.
  const double bound = 1.0 / std::sqrt(static_cast<double>(head_dim));
  return at::empty({num_heads, head_dim, config.feature_dim}).uniform_(-bound, bound, generator);
}

}  // namespace

LinearCore::LinearCore(int64_t num_heads, int64_t head_dim, const LinearAttentionConfig& config,
                       std::optional<at::Generator> generator)
    : feature_map_(config.feature_map), rope_(config.rope) {
  config.validate_for_head("linear_attention", head_dim);
  if (!ops::has_weights(feature_map_)) return;
  w_q = register_parameter("w_q", initial_map(num_heads, head_dim, config, generator));
  w_k = register_parameter("w_k", initial_map(num_heads, head_dim, config, generator));
}

at::Tensor LinearCore::features(const at::Tensor& x_BLNK, const at::Tensor& w_NKM) const {
  switch (feature_map_) {
    case ops::FeatureMap::kHedgehog:
      break;
    case ops::FeatureMap::kRelu:
      return ops::relu_feature_map(x_BLNK);
    case ops::FeatureMap::kTaylor:
      return ops::taylor_feature_map(x_BLNK);
  }
  return ops::hedgehog_feature_map(x_BLNK, w_NKM);
}

at::Tensor LinearCore::attend(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                              const at::Tensor& rope_2L1P) {
  // Features in at least fp32: terms cancel, in the Taylor map and in products of rotated features.
  const at::ScalarType wide = ops::accumulate_dtype(q_BLNK.scalar_type());
  if (rope_ == RopeOrder::kAfter) {
    LT_CHECK(
        rope_2L1P.defined(), Error,
        "[LinearCore] expected the table that rotated q and k, got none: rope = after rotates their features instead");
    const NoAutocast no_autocast;
    const auto unrotated = [&](const at::Tensor& x) { return ops::rope_3d_inverse(x, rope_2L1P, wide); };
    return ops::rotated_linear_attention(features(unrotated(q_BLNK), w_q), features(unrotated(k_BLNK), w_k), v_BLNV,
                                         rope_2L1P);
  }
  if (feature_map_ == ops::FeatureMap::kHedgehog) {
    const at::ScalarType dtype = v_BLNV.scalar_type();
    return ops::hedgehog_attention(q_BLNK, k_BLNK, v_BLNV, w_q.to(dtype), w_k.to(dtype));
  }
  const NoAutocast no_autocast;
  return ops::linear_attention(features(q_BLNK.to(wide), w_q), features(k_BLNK.to(wide), w_k), v_BLNV);
}

}  // namespace lintorch::layers
