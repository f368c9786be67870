#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lintorch/core/enum_names.h"
#include "lintorch/core/json.h"
#include "lintorch/layers/linear_attention_config.h"

namespace lintorch {
namespace wan {

using layers::LinearAttentionConfig;

enum class AttentionKind { kSoftmax, kLinear };

/// Shape of a Wan 2.1 text-to-video transformer. Field names are those of Diffusers' transformer/config.json; defaults
/// are Wan 2.1 T2V 1.3B.
struct WanDitConfig {
  int64_t num_attention_heads = 12;
  int64_t attention_head_dim = 128;
  int64_t in_channels = 16;
  int64_t out_channels = 16;
  int64_t text_dim = 4096;
  int64_t freq_dim = 256;
  int64_t ffn_dim = 8960;
  int64_t num_layers = 30;
  bool cross_attn_norm = true;
  std::string qk_norm = "rms_norm_across_heads";
  double eps = 1e-6;
  std::vector<int64_t> patch_size = {1, 2, 2};
  int64_t rope_max_seq_len = 1024;
  std::vector<AttentionKind> attention;  ///< one per layer; empty = all softmax
  LinearAttentionConfig linear_attention = {ops::FeatureMap::kHedgehog, 128, layers::FeatureMapInit::kIdentity};

  /// Model width D.
  int64_t width() const { return num_attention_heads * attention_head_dim; }
  /// Throws std::out_of_range for a layer that does not exist.
  AttentionKind attention_of(int64_t layer) const;
  bool has_linear_attention() const;

  template <class V>
  void visit(V& v) {
    v("num_attention_heads", num_attention_heads, "attention heads");
    v("attention_head_dim", attention_head_dim, "channels per head, even, at least 6");
    v("in_channels", in_channels, "latent channels in");
    v("out_channels", out_channels, "latent channels out");
    v("text_dim", text_dim, "width of the text embedding");
    v("freq_dim", freq_dim, "width of the sinusoidal time embedding, even");
    v("ffn_dim", ffn_dim, "inner width of the feed-forward network");
    v("num_layers", num_layers, "transformer blocks");
    v("cross_attn_norm", cross_attn_norm, "LayerNorm with weights before the cross-attention");
    v("qk_norm", qk_norm, "only rms_norm_across_heads");
    v("eps", eps, "epsilon of every LayerNorm and RMSNorm");
    v("patch_size", patch_size, "latent frames, rows and columns per token");
    v("rope_max_seq_len", rope_max_seq_len, "longest token axis");
    v("attention", attention, "softmax or linear for each layer; empty: all softmax");
    v("linear_attention", linear_attention, "");
  }
  /// Throws ConfigError naming `path`.
  void validate(const std::string& path) const;
};

/// Wan 2.1 T2V 1.3B: 12 heads x 128, 30 layers.
WanDitConfig t2v_1_3b();
/// Wan 2.1 T2V 14B: 40 heads x 128, 40 layers.
WanDitConfig t2v_14b();
/// Miniature for experiments: 4 heads x 64, 8 layers, text width 128.
WanDitConfig tiny();

/// Reads Diffusers' transformer/config.json. Its image-to-video keys are accepted when null; keys starting with '_' are
/// ignored except "_class_name", which must be WanTransformer3DModel if present. `where` starts every message. Throws
/// ConfigError, or NotSupportedError for an image-to-video model.
WanDitConfig wan_dit_config_from_json(const Json& json, const std::string& where = "");

/// Writes the form that Diffusers reads. "attention" and "linear_attention" appear only if a layer is linear.
Json wan_dit_config_to_json(const WanDitConfig& config);

}  // namespace wan

template <>
struct EnumNames<wan::AttentionKind> {
  static constexpr std::pair<wan::AttentionKind, std::string_view> table[] = {{wan::AttentionKind::kSoftmax, "softmax"},
                                                                              {wan::AttentionKind::kLinear, "linear"}};
};

}  // namespace lintorch
