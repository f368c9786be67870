#include "lintorch/inspect/run_config.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::inspect {

void RunConfig::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  LT_CHECK(!shift || *shift > 0, ConfigError, "{}: expected a positive number, got {}", at("shift"), *shift);
}

}  // namespace lintorch::inspect
