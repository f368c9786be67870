#include "lintorch/core/error.h"

namespace lintorch::detail {

void assertion_failed(const char* expression, const char* file, int line) {
  throw std::logic_error(fmt::format("internal error: {} does not hold ({}:{})", expression, file, line));
}

}  // namespace lintorch::detail
