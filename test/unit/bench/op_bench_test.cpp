#include "lintorch/bench/op_bench.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/ops/fused_kernels.h"

using namespace lintorch;

TEST_CASE("sizes are presets or written out", "[op_bench]") {
  CHECK(bench::bench_size("1.3b").L == 32760);
  const auto size = bench::bench_size("2x30x48x24");
  CHECK((size.B == 2 && size.L == 30 && size.D == 48 && size.K == 24));
  for (const char* bad : {"huge", "2x30x48", "2x30x48x7", "2x30x50x24", "0x30x48x24"})
    CHECK_THROWS_AS(bench::bench_size(bad), ConfigError);
}

TEST_CASE("every op is timed forward and backward", "[op_bench]") {
  bench::BenchConfig config;
  config.sizes = {"2x30x48x24"};
  config.device = "cpu";
  config.dtype = "fp32";
  config.warmup = 1;
  config.repeats = 3;
  const auto before = ops::fused_kernels();
  const auto report = bench::run_op_bench(config);
  CHECK(ops::fused_kernels() == before);
  REQUIRE(report.results.size() == 26);
  for (const auto& result : report.results) {
    INFO(result.op << " " << result.pass);
    CHECK(result.fused.count == 3);
    CHECK(result.fused.fastest > 0);
    CHECK(result.fused.fastest <= result.fused.median);
    CHECK(result.fused.median <= result.fused.slowest);
    CHECK(bench::op_table(report).find(result.op) != std::string::npos);
  }
  CHECK(report.copy_bytes_per_s > 0);
  const Json json = bench::op_json(report, "lintorch-bench op");
  size_t rows = 1;
  for (const auto& result : report.results) rows += result.flops > 0 ? 4 : 3;
  CHECK(json.size() == rows);
  CHECK(json[1]["unit"] == "ms");

  config.ops = {"rms_norm"};
  CHECK(bench::run_op_bench(config).results.size() == 2);
  config.ops = {"unknown"};
  CHECK_THROWS_AS(bench::run_op_bench(config), ConfigError);
}

TEST_CASE("attention in FP8 is measured against fp64 beside that in the inputs' dtype", "[op_bench]") {
  bench::BenchConfig config;
  config.sizes = {"1x70x32x16"};
  config.ops = {"softmax_attention_fp8"};
  config.device = "cpu";
  config.warmup = 0;
  config.repeats = 1;
  config.input_sets = 1;
  const auto report = bench::run_op_bench(config);
  REQUIRE(report.results.size() == 2);
  const auto& forward = report.results[0];
  REQUIRE((forward.fused_error && forward.composed_error));
  CHECK(*forward.composed_error < 5e-3);  // bf16
  CHECK(*forward.fused_error > 0.02);
  CHECK_FALSE(report.results[1].fused_error);
  CHECK(bench::op_json(report, "")[5]["metric"] == "kernel error");
}
