#include "lintorch/models/umt5/config.h"

#include "lintorch/core/error.h"

namespace lintorch::umt5 {

void Umt5Config::validate(const std::string& path) const {
  const auto check_positive = [&](const char* name, int64_t value) {
    LT_CHECK(value >= 1, ConfigError, "{}.{}: expected at least 1, got {}", path, name, value);
  };
  check_positive("vocab_size", vocab_size);
  check_positive("d_model", d_model);
  check_positive("d_kv", d_kv);
  check_positive("d_ff", d_ff);
  check_positive("num_layers", num_layers);
  check_positive("num_heads", num_heads);
  LT_CHECK(relative_attention_num_buckets >= 4 && relative_attention_num_buckets % 4 == 0, ConfigError,
           "{}.relative_attention_num_buckets: expected a positive multiple of 4, got {}", path,
           relative_attention_num_buckets);
  LT_CHECK(relative_attention_max_distance > relative_attention_num_buckets / 4, ConfigError,
           "{}.relative_attention_max_distance: expected more than {} (a quarter of the buckets), got {}", path,
           relative_attention_num_buckets / 4, relative_attention_max_distance);
  LT_CHECK(layer_norm_epsilon > 0, ConfigError, "{}.layer_norm_epsilon: expected a positive number, got {}", path,
           layer_norm_epsilon);
  LT_CHECK(initializer_factor > 0, ConfigError, "{}.initializer_factor: expected a positive number, got {}", path,
           initializer_factor);
}

Umt5Config umt5_xxl() { return {}; }

Umt5Config tiny() {
  Umt5Config config;
  config.vocab_size = 512;
  config.d_model = 128;
  config.d_kv = 32;
  config.d_ff = 256;
  config.num_layers = 2;
  config.num_heads = 4;
  return config;
}

}  // namespace lintorch::umt5
