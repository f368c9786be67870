#pragma once

#include <string>

#include "lintorch/core/json.h"

namespace lintorch::bench {

/// One figure of a table.
struct Figure {
  std::string row, metric;
  double mean = 0, deviation = 0;
  int64_t count = 1;
  std::string unit;
};

/// As {table, row, metric, mean, std, n, unit, hardware, commit, date, command}, the form of docs/results.
Json result_row(const std::string& table, const Figure& figure, const std::string& hardware,
                const std::string& command);

}  // namespace lintorch::bench
