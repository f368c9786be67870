#pragma once

#include <ATen/core/Generator.h>

#include <optional>

#include "lintorch/layers/attention_core.h"
#include "lintorch/layers/linear_attention_config.h"

namespace lintorch::layers {

/// Linear attention. Parameters with the hedgehog map: "w_q", "w_k" [N, K, M]; none with the others.
class LinearCore : public AttentionCore {
 public:
  /// Throws ConfigError if the map does not fit the heads (LinearAttentionConfig::validate_for_head). Kaiming init draws
  /// from `generator`; without one, for weights that are loaded afterwards, from LibTorch's default CPU generator, whose seed is
  /// another one in every process.
  LinearCore(int64_t num_heads, int64_t head_dim, const LinearAttentionConfig& config,
             std::optional<at::Generator> generator = std::nullopt);
  ops::FeatureMap feature_map() const { return feature_map_; }
  RopeOrder rope() const { return rope_; }

  at::Tensor w_q, w_k;  ///< undefined unless the map is hedgehog

 private:
  /// With rope "after" the features are those of q and k turned back by rope_2L1P, which must be defined: throws Error.
  at::Tensor attend(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                    const at::Tensor& rope_2L1P) override;
  at::Tensor features(const at::Tensor& x_BLNK, const at::Tensor& w_NKM) const;

  ops::FeatureMap feature_map_;
  RopeOrder rope_;
};

}  // namespace lintorch::layers
