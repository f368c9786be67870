#pragma once

#include <string>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::linvideo {

/// Throws ConfigError naming field, expected and found.
template <class T>
void check_field(bool ok, const std::string& path, const char* name, const char* expected, const T& got) {
  LT_CHECK(ok, ConfigError, "{}: expected {}, got {}", lintorch::detail::join_path(path, name), expected, got);
}

}  // namespace lintorch::linvideo
