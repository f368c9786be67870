#include <string_view>

#include "apps/app_main.h"
#include "lintorch/bench/op_bench.h"
#include "lintorch/core/logging.h"

using lintorch::bench::BenchConfig;

int main(int argc, char** argv) {
  std::string command;
  for (int i = 0; i < argc; ++i) command += (i ? " " : "") + std::string(argv[i]);
  // "lintorch-bench op ...": the first word says what is timed.
  if (argc > 1 && std::string_view(argv[1]) == "op") {
    argv[1] = argv[0];
    --argc, ++argv;
  }
  return lintorch::apps::run_app<BenchConfig>(
      argc, argv, "lintorch-bench", "lintorch-bench op: times each fused op against LibTorch's own operators.",
      [&](const BenchConfig& config) {
        const auto report = lintorch::bench::run_op_bench(config);
        fmt::print("{}", lintorch::bench::op_table(report));
        if (!config.output.empty()) {
          lintorch::write_json_file(config.output, lintorch::bench::op_json(report, command));
          lintorch::log_info("wrote {}", config.output);
        }
        return 0;
      });
}
