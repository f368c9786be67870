#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lintorch/bench/bench_config.h"
#include "lintorch/bench/timing.h"
#include "lintorch/core/json.h"

namespace lintorch::bench {

/// One line of the table: an op's forward or backward at one size, by the kernels and by LibTorch's own operators.
struct OpResult {
  std::string op, pass, size;
  double bytes = 0;  ///< least memory traffic
  double flops = 0;  ///< of matrix products
  Timing fused, composed;
  /// Relative errors of both against fp64; null: not measured.
  std::optional<double> fused_error = {}, composed_error = {};
};

struct OpReport {
  std::string device;
  double copy_bytes_per_s = 0;  ///< of a large device copy, read + written
  std::vector<OpResult> results;
};

/// Times what the config names, kernels and composition in turn on the same inputs. Restores the setting of
/// ops/fused_kernels.h.
OpReport run_op_bench(const BenchConfig& config);

std::string op_table(const OpReport& report);
/// A list of {table, row, metric, mean, std, n, unit, hardware, commit, date, command}; mean is the median time.
Json op_json(const OpReport& report, const std::string& command);

}  // namespace lintorch::bench
