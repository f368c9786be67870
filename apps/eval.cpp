#include <cstdio>

#include "apps/app_main.h"
#include "lintorch/core/logging.h"
#include "lintorch/eval/evaluate.h"
#include "lintorch/eval/report.h"

using lintorch::eval::EvalConfig;

int main(int argc, char** argv) {
  return lintorch::apps::run_app<EvalConfig>(
      argc, argv, "lintorch-eval", "Compares a teacher with its descendants from the same noise; writes a report.",
      [](const EvalConfig& config) {
        const auto result = lintorch::eval::evaluate(config);
        lintorch::eval::write_report(result, config);
        fmt::print("{}", lintorch::eval::report_table(result));
        lintorch::log_info("wrote {}/report.html and report.json", config.output);
        return 0;
      });
}
