#pragma once

#include <cstdint>
#include <string>

namespace lintorch::umt5 {

/// The UMT5 encoder; fields carry the names of transformers' config.json.
struct Umt5Config {
  int64_t vocab_size = 256384;
  int64_t d_model = 4096;
  int64_t d_kv = 64;  ///< width of one head
  int64_t d_ff = 10240;
  int64_t num_layers = 24;
  int64_t num_heads = 64;
  int64_t relative_attention_num_buckets = 32;
  int64_t relative_attention_max_distance = 128;
  double layer_norm_epsilon = 1e-6;
  double initializer_factor = 1.0;  ///< scales the random initial weights

  template <class V>
  void visit(V& v) {
    v("vocab_size", vocab_size, "number of token embeddings");
    v("d_model", d_model, "model width");
    v("d_kv", d_kv, "width of one attention head");
    v("d_ff", d_ff, "hidden width of the feed-forward layer");
    v("num_layers", num_layers, "number of blocks");
    v("num_heads", num_heads, "attention heads per block");
    v("relative_attention_num_buckets", relative_attention_num_buckets, "rows of the relative position bias table");
    v("relative_attention_max_distance", relative_attention_max_distance,
      "distance in tokens from which all share a bucket");
    v("layer_norm_epsilon", layer_norm_epsilon, "eps of the RMS norms");
    v("initializer_factor", initializer_factor, "scale of the random initial weights");
  }

  /// Throws ConfigError naming `path`.
  void validate(const std::string& path) const;
};

/// google/umt5-xxl, the text encoder of Wan 2.1 (5.7 G parameters).
Umt5Config umt5_xxl();

/// 2 layers of width 128, vocabulary of 512: for the miniature model and for tests.
Umt5Config tiny();

}  // namespace lintorch::umt5
