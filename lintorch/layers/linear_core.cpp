#include "lintorch/layers/linear_core.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>

#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/layers/precision.h"
#include "lintorch/ops/hedgehog_attention.h"
#include "lintorch/ops/linear_attention.h"

namespace lintorch::layers {
namespace {

at::Tensor initial_map(int64_t num_heads, int64_t head_dim, const LinearAttentionConfig& config) {
  if (config.init == FeatureMapInit::kIdentity) return at::eye(head_dim).expand({num_heads, -1, -1}).contiguous();
  // Kaiming-uniform with a = sqrt(5), fan-in K, as torch.nn.Linear and LoLCATs.
  const double bound = 1.0 / std::sqrt(static_cast<double>(head_dim));
  return at::empty({num_heads, head_dim, config.feature_dim}).uniform_(-bound, bound);
}

}  // namespace

void LinearAttentionConfig::validate(const std::string& path) const {
  LT_CHECK(feature_dim > 0, ConfigError, "{}.feature_dim: expected a positive value, got {}", path, feature_dim);
}

LinearCore::LinearCore(int64_t num_heads, int64_t head_dim, const LinearAttentionConfig& config)
    : feature_map_(config.feature_map) {
  if (feature_map_ != ops::FeatureMap::kHedgehog) return;
  LT_CHECK(config.init != FeatureMapInit::kIdentity || config.feature_dim == head_dim, ConfigError,
           "[LinearCore] expected feature_dim = head dim ({}) for identity init, got {}: use init = kaiming", head_dim,
           config.feature_dim);
  w_q = register_parameter("w_q", initial_map(num_heads, head_dim, config));
  w_k = register_parameter("w_k", initial_map(num_heads, head_dim, config));
}

at::Tensor LinearCore::forward(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV) {
  if (feature_map_ == ops::FeatureMap::kHedgehog) {
    const at::ScalarType dtype = v_BLNV.scalar_type();
    return ops::hedgehog_attention(q_BLNK, k_BLNK, v_BLNV, w_q.to(dtype), w_k.to(dtype));
  }
  const NoAutocast no_autocast;
  const auto map = feature_map_ == ops::FeatureMap::kRelu ? ops::relu_feature_map : ops::taylor_feature_map;
  // Features in at least fp32: the second-order terms of the Taylor map cancel.
  const auto features = [&](const at::Tensor& x) { return map(x.scalar_type() == at::kDouble ? x : x.to(at::kFloat)); };
  return ops::linear_attention(features(q_BLNK), features(k_BLNK), v_BLNV);
}

}  // namespace lintorch::layers
