#include <array>

#include "apps/app_main.h"
#include "lintorch/bench/block_bench.h"
#include "lintorch/bench/forward_bench.h"
#include "lintorch/bench/generate_bench.h"
#include "lintorch/bench/op_bench.h"
#include "lintorch/core/logging.h"

namespace {

using namespace lintorch;

std::string command_line;

void write_results(const std::string& output, const Json& json) {
  if (output.empty()) return;
  write_json_file(output, json);
  log_info("wrote {}", output);
}

const std::vector<apps::Shorthand> kVideoShorthands = {{"preset", "preset", "t2v_1_3b|t2v_14b|tiny"},
                                                       {"size", "size", "WIDTHxHEIGHT"},
                                                       {"frames", "frames", "pixel frames"},
                                                       {"device", "device", "auto, cpu, cuda, cuda:N"},
                                                       {"output", "output", "JSON file for the results"}};

int op(int argc, char** argv) {
  return apps::run_app<bench::BenchConfig>(
      argc, argv, "lintorch-bench op",
      "Times single operations, and those with kernels against LibTorch's own operators.",
      [](const bench::BenchConfig& config) {
        const auto report = bench::run_op_bench(config);
        fmt::print("{}", bench::op_table(report));
        write_results(config.output, bench::op_json(report, command_line));
        return 0;
      });
}

int forward(int argc, char** argv) {
  return apps::run_app<bench::ForwardBenchConfig>(
      argc, argv, "lintorch-bench forward", "Times the transformer with random weights and some layers linear.",
      [](const bench::ForwardBenchConfig& config) {
        const auto report = bench::run_forward_bench(config);
        fmt::print("{}", bench::forward_table(report));
        write_results(config.output, bench::forward_json(report, command_line));
        return 0;
      },
      kVideoShorthands);
}

int block(int argc, char** argv) {
  return apps::run_app<bench::BlockBenchConfig>(
      argc, argv, "lintorch-bench block", "Times one transformer block with random weights, in inference and training.",
      [](const bench::BlockBenchConfig& config) {
        const auto report = bench::run_block_bench(config);
        fmt::print("{}", bench::block_table(report));
        write_results(config.output, bench::block_json(report, command_line));
        return 0;
      },
      kVideoShorthands);
}

int generate(int argc, char** argv) {
  return apps::run_app<bench::GenerateBenchConfig>(
      argc, argv, "lintorch-bench generate", "Times a whole generation with random weights, part by part.",
      [](const bench::GenerateBenchConfig& config) {
        const auto report = bench::run_generate_bench(config);
        fmt::print("{}", bench::generate_table(report));
        write_results(config.output, bench::generate_json(report, command_line));
        return 0;
      },
      kVideoShorthands);
}

using apps::Command;

constexpr std::array kCommands = {Command{"op", "time single operations", op},
                                  Command{"block", "time one transformer block", block},
                                  Command{"forward", "time the whole transformer", forward},
                                  Command{"generate", "time a whole generation, part by part", generate}};

}  // namespace

int main(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) command_line += (i ? " " : "") + std::string(argv[i]);
  return apps::run_command(argc, argv, "lintorch-bench", "Times operations and models.", kCommands);
}
