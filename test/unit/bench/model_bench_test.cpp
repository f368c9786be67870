#include <catch2/catch.hpp>

#include <filesystem>

#include "lintorch/bench/block_bench.h"
#include "lintorch/bench/forward_bench.h"
#include "lintorch/bench/generate_bench.h"
#include "lintorch/core/error.h"
#include "lintorch/media/video_writer.h"
#include "test/support/temp_dir.h"

using namespace lintorch;

namespace {

template <class Config>
Config small_config() {
  Config config;
  config.size = "32x32";
  config.frames = 5;
  config.device = "cpu";
  config.dtype = "fp32";
  return config;
}

}  // namespace

TEST_CASE("a block is timed with both attentions, in inference and training", "[model_bench]") {
  auto config = small_config<bench::BlockBenchConfig>();
  config.warmup = 0;
  config.repeats = 2;
  config.feature_dim = 8;
  const auto report = bench::run_block_bench(config);
  CHECK(report.tokens == 2 * 4 * 4);
  REQUIRE(report.results.size() == 2);
  for (const auto& result : report.results) {
    CHECK(result.inference.count == 2);
    CHECK(result.training.median > 0);
    CHECK(result.flops > 0);
  }
  CHECK(report.results[0].attention == wan::AttentionKind::kSoftmax);
  CHECK(bench::block_table(report).find("linear") != std::string::npos);
  const Json json = bench::block_json(report, "lintorch-bench block");
  REQUIRE(json.size() == 10);
  CHECK(json[1]["metric"] == "training time");
  CHECK(json[1]["unit"] == "ms");
  config.repeats = 0;
  CHECK_THROWS_AS(bench::run_block_bench(config), ConfigError);
}

TEST_CASE("the whole transformer is timed for each number of linear layers", "[model_bench]") {
  auto config = small_config<bench::ForwardBenchConfig>();
  config.linear_layers = {0, 8};
  config.feature_dim = 8;
  config.text_tokens = 4;
  config.warmup = 0;
  config.repeats = 1;
  const auto report = bench::run_forward_bench(config);
  REQUIRE(report.results.size() == 2);
  CHECK(report.results[1].linear_layers == 8);
  CHECK(report.results[0].flops != report.results[1].flops);
  config.linear_layers = {9};
  CHECK_THROWS_AS(bench::run_forward_bench(config), ConfigError);
}

TEST_CASE("a generation is timed part by part", "[model_bench]") {
  const test::TempDir folder;
  auto config = small_config<bench::GenerateBenchConfig>();
  config.steps = 2;
  config.linear_layers = {0, 4};
  config.feature_dim = 8;
  config.video = (folder / "clip.gif").string();
  const auto report = bench::run_generate_bench(config);
  REQUIRE(report.results.size() == 2);
  std::vector<std::string> stages;
  for (const auto& stage : report.results[1].stages) {
    stages.push_back(stage.stage);
    CHECK(stage.seconds > 0);
  }
  CHECK(stages == std::vector<std::string>{"text encoder", "transformer", "autoencoder", "video file"});
  CHECK(std::filesystem::exists(folder / "clip.gif"));
  const Json json = bench::generate_json(report, "lintorch-bench generate");
  REQUIRE(json.size() == 2 * 10);
  CHECK(json[0]["metric"] == "text encoder time");
  CHECK(bench::generate_table(report).find("2 steps") != std::string::npos);
  config.guidance = 0.5;
  CHECK_THROWS_AS(bench::run_generate_bench(config), ConfigError);
}

TEST_CASE("attention in FP8 is timed beside that in the model's format, with its error", "[model_bench]") {
  auto config = small_config<bench::ForwardBenchConfig>();
  config.fp8_attention = {false, true};
  config.text_tokens = 4;
  config.warmup = 0;
  config.repeats = 1;
  const auto report = bench::run_forward_bench(config);
  REQUIRE(report.results.size() == 2);
  CHECK(report.results[0].error == 0);
  CHECK(report.results[1].error > 0);
  CHECK(report.results[1].error < 0.1);
  CHECK(bench::forward_table(report).find("fp8+auto") != std::string::npos);
  CHECK(bench::forward_json(report, "")[4]["row"] == "0 linear, fp8 none, kernels auto, softmax fp8+auto");
}
