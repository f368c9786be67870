#include "lintorch/core/date.h"

#include <fmt/chrono.h>

#include <chrono>

namespace lintorch {

std::string today() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(now));
}

}  // namespace lintorch
