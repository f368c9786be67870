#pragma once

#include <string>

namespace lintorch {

/// The date in UTC, e.g. "2026-11-24".
std::string today();

}  // namespace lintorch
