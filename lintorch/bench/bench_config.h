#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lintorch::bench {

/// lintorch-bench: times of single ops.
struct BenchConfig {
  std::vector<std::string> sizes = {"tiny"};
  std::vector<std::string> ops;
  std::string stream_dtype = "fp32";
  std::string dtype = "bf16";
  int64_t warmup = 5;
  int64_t repeats = 30;
  int64_t input_sets = 3;
  std::string output;
  std::string device = "auto";

  template <class V>
  void visit(V& v) {
    v("sizes", sizes, "tiny (128 x 540 x 256), 1.3b (1 x 32760 x 1536), 14b (1 x 75600 x 5120), or BxLxDxK");
    v("ops", ops, "names of the ops to time; empty = all");
    v("stream_dtype", stream_dtype, "dtype of the residual stream: fp32 or bf16");
    v("dtype", dtype, "dtype of what matrix products read and write: fp32 or bf16");
    v("warmup", warmup, "untimed calls before");
    v("repeats", repeats, "timed calls; the median counts");
    v("input_sets", input_sets, "different random inputs, used in turn");
    v("output", output, "JSON file for the results; empty = none");
    v("device", device, "auto, cpu, cuda, cuda:N");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

/// Sizes of one row of the table: batch, tokens, width, head dim.
struct BenchSize {
  std::string name;
  int64_t B, L, D, K;
};

/// A preset's or "BxLxDxK". Throws ConfigError.
BenchSize bench_size(const std::string& name);

}  // namespace lintorch::bench
