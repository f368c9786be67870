#include "lintorch/pipeline/generate_config.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/pipeline/sampling_choice.h"

namespace lintorch::pipeline {

void GenerateConfig::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  SamplingRequest{sampler, steps, shift, guidance, times}.validate(path);
  LT_CHECK(!fps || *fps > 0, ConfigError, "{}: expected a positive number, got {}", at("fps"), *fps);
  LT_CHECK(seed >= 0, ConfigError, "{}: expected 0 or more, got {}", at("seed"), seed);
  dtype_from_name(dtype);
  dtype_from_name(vae_dtype);
  LT_CHECK(!output.empty(), ConfigError, "{}: expected a path", at("output"));
}

}  // namespace lintorch::pipeline
