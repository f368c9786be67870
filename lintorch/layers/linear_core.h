#pragma once

#include "lintorch/layers/attention_core.h"
#include "lintorch/layers/linear_attention_config.h"

namespace lintorch::layers {

/// Linear attention. Parameters with the hedgehog map: "w_q", "w_k" [N, K, M]; none with the others.
class LinearCore : public AttentionCore {
 public:
  /// Throws ConfigError if identity init is asked for with feature_dim != head_dim. Kaiming init draws from LibTorch's
  /// default CPU generator.
  LinearCore(int64_t num_heads, int64_t head_dim, const LinearAttentionConfig& config);
  at::Tensor forward(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV) override;
  ops::FeatureMap feature_map() const { return feature_map_; }

  at::Tensor w_q, w_k;  ///< undefined unless the map is hedgehog

 private:
  ops::FeatureMap feature_map_;
};

}  // namespace lintorch::layers
