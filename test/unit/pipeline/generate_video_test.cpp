#include <ATen/ops/equal.h>

#include <catch2/catch.hpp>

#include <limits>

#include "lintorch/core/json.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/pipeline/generate_config.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using pipeline::GenerateConfig;
using pipeline::OffloadKind;

namespace {

GenerateConfig config_for(const test::TempDir& folder) {
  test::write_micro_model(folder / "model");
  GenerateConfig config;
  config.model = (folder / "model").string();
  config.prompt = "a red fox";
  config.size = "16x16";
  config.frames = 5;
  config.steps = 2;
  config.device = "cpu";
  config.output = (folder / "frames").string();
  config.save_latents = (folder / "latents.safetensors").string();
  config.report = (folder / "report.json").string();
  return config;
}

std::vector<std::string> stages(const std::string& report) {
  std::vector<std::string> names;
  const Json json = read_json_file(report);
  double seconds = 0;
  for (const auto& stage : json["stages"]) {
    names.push_back(stage["stage"]);
    CHECK(stage["seconds"].get<double>() >= 0);
    CHECK(stage["peak_bytes"] == 0);  // the CPU is not watched
    seconds += stage["seconds"].get<double>();
  }
  CHECK(json["seconds"].get<double>() == Approx(seconds));
  CHECK(json["parameters"]["prompt"] == "a red fox");
  return names;
}

at::Tensor latents(const GenerateConfig& config) {
  return io::SafetensorsFile(*config.save_latents).tensor("latents").clone();
}

}  // namespace

TEST_CASE("parts one after the other or together give the same latents, and each stage is reported",
          "[generate_video]") {
  const test::TempDir folder;
  auto config = config_for(folder);
  REQUIRE(config.offload == OffloadKind::kSequential);
  pipeline::generate_video(config);
  const at::Tensor sequential = latents(config);
  CHECK(stages(*config.report) == std::vector<std::string>{"load text encoder", "text encoder", "load transformer",
                                                           "transformer", "load autoencoder", "autoencoder",
                                                           "video file"});
  config.offload = OffloadKind::kNone;
  config.output = (folder / "frames_2").string();
  pipeline::generate_video(config);
  CHECK(at::equal(latents(config), sequential));
  CHECK(stages(*config.report) == std::vector<std::string>{"load text encoder", "load transformer", "load autoencoder",
                                                           "text encoder", "transformer", "autoencoder", "video file"});
}

TEST_CASE("latents that are there already need neither text encoder nor transformer", "[generate_video]") {
  const test::TempDir folder;
  auto config = config_for(folder);
  pipeline::generate_video(config);
  for (const auto offload : {OffloadKind::kSequential, OffloadKind::kNone}) {
    auto again = config;
    again.offload = offload;
    again.latents = config.save_latents;
    again.save_latents.reset();
    again.output = (folder / "again").string();
    pipeline::generate_video(again);
    CHECK(stages(*config.report) == std::vector<std::string>{"load autoencoder", "autoencoder", "video file"});
  }
}

TEST_CASE("attention in FP8 is asked for, and changes the latents", "[generate_video]") {
  const test::TempDir folder;
  auto config = config_for(folder);
  REQUIRE_FALSE(config.fp8_attention);
  pipeline::generate_video(config);
  const at::Tensor exact = latents(config);
  config.fp8_attention = true;
  config.output = (folder / "frames_2").string();
  pipeline::generate_video(config);
  const at::Tensor fp8 = latents(config);
  CHECK_FALSE(at::equal(fp8, exact));
  // The output of attention is wrong by some 7 % of its deviation from the mean of v, and is one of three terms of a block.
  CHECK((fp8 - exact).norm().item<double>() < 0.05 * exact.norm().item<double>());
}

TEST_CASE("weights that are not finite give an error, not a video", "[generate_video]") {
  const test::TempDir folder;
  const auto config = config_for(folder);
  const auto file = folder / "model/transformer/diffusion_pytorch_model.safetensors";
  TensorMap weights;
  {
    const io::SafetensorsFile read(file);
    for (const auto& [name, info] : read.tensors()) weights[name] = read.tensor(name).clone();
  }
  weights.at("proj_out.bias").fill_(std::numeric_limits<double>::quiet_NaN());
  io::write_safetensors(file, weights);
  CHECK_THROWS_WITH(pipeline::generate_video(config), Catch::Contains("not finite") && Catch::Contains(config.model));
  CHECK_FALSE(std::filesystem::exists(config.output));
}
