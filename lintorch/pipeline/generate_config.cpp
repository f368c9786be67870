#include "lintorch/pipeline/generate_config.h"

#include "lintorch/core/error.h"

namespace lintorch::pipeline {

void GenerateConfig::validate(const std::string& path) const {
  const std::string where = path.empty() ? "" : path + " ";
  LT_CHECK(!steps || *steps >= 1, ConfigError, "{}steps: expected at least 1, got {}", where, *steps);
  LT_CHECK(!shift || *shift > 0, ConfigError, "{}shift: expected a positive number, got {}", where, *shift);
  LT_CHECK(!guidance || *guidance >= 0, ConfigError, "{}guidance: expected 0 or more, got {}", where, *guidance);
  LT_CHECK(!fps || *fps > 0, ConfigError, "{}fps: expected a positive number, got {}", where, *fps);
  LT_CHECK(seed >= 0, ConfigError, "{}seed: expected 0 or more, got {}", where, seed);
  LT_CHECK(!output.empty(), ConfigError, "{}output: expected a path", where);
}

}  // namespace lintorch::pipeline
