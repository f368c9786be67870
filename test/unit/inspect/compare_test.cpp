#include "lintorch/inspect/compare.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/inspect/random_model.h"
#include "lintorch/io/safetensors.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using Catch::Contains;

namespace {

inspect::CompareConfig micro_config(const test::TempDir& scratch) {
  inspect::CompareConfig config;
  config.a = (scratch / "a").string();
  config.b = (scratch / "b").string();
  config.size = "32x48";  // without a vae/ folder Wan's factor of 8 holds
  config.frames = 5;
  config.text_length = 6;
  config.device = "cpu";
  return config;
}

}  // namespace

TEST_CASE("compare finds the first block that differs", "[compare]") {
  const test::TempDir scratch;
  auto dit = test::micro_dit(1);
  wan::save_wan_dit(scratch / "a", dit, at::kFloat);
  {
    torch::NoGradGuard no_grad;
    dit->block(2)->ffn_out->bias.add_(0.5);
  }
  wan::save_wan_dit(scratch / "b", dit, at::kFloat);
  auto config = micro_config(scratch);
  const auto comparison = inspect::compare_models(config);
  REQUIRE(comparison.blocks.size() == 4);
  CHECK(comparison.blocks[0] == 0);
  CHECK(comparison.blocks[1] == 0);
  CHECK(comparison.blocks[2] > 1e-3);
  CHECK(comparison.blocks[3] > 1e-3);
  CHECK(comparison.velocity > 1e-4);
  CHECK_THAT(inspect::comparison_text(comparison), Contains("velocity"));
  CHECK(inspect::comparison_json(comparison)["layers_b"].size() == 4);

  config.b = config.a;
  CHECK(inspect::compare_models(config).velocity == 0);
}

TEST_CASE("compare takes its input from a file", "[compare]") {
  const test::TempDir scratch;
  wan::save_wan_dit(scratch / "a", test::micro_dit(1), at::kFloat);
  wan::save_wan_dit(scratch / "b", test::micro_dit(2), at::kFloat);
  auto config = micro_config(scratch);
  config.input = (scratch / "in.safetensors").string();
  torch::manual_seed(0);
  TensorMap input = {{"hidden_states", torch::randn({2, 4, 1, 4, 6})},
                     {"timestep", torch::tensor({10.0, 900.0})},
                     {"encoder_hidden_states", torch::randn({2, 3, 16})}};
  io::write_safetensors(*config.input, input);
  torch::NoGradGuard no_grad;
  const auto forward = [&](uint64_t seed) {
    auto dit = test::micro_dit(seed);
    return dit->forward(input["hidden_states"], input["timestep"], input["encoder_hidden_states"]);
  };
  const auto a = forward(1), b = forward(2);
  CHECK(inspect::compare_models(config).velocity == Approx(((b - a).norm() / a.norm()).item<double>()));
  input.erase("timestep");
  io::write_safetensors(*config.input, input);
  CHECK_THROWS_WITH(inspect::compare_models(config), Contains("no tensor \"timestep\""));
}

TEST_CASE("compare takes folders of either layout and files", "[compare]") {
  const test::TempDir scratch;
  const auto write = [&](const std::string& layout) {
    inspect::write_random_model(inspect::RandomModelConfig::load(
        {},
        {"transformer.num_layers=2", "vae.base_dim=8", "layout=" + layout, "output=" + (scratch / layout).string()}));
    return (scratch / layout).string();
  };
  auto config = micro_config(scratch);
  config.a = write("original");
  config.size = "32x32";
  for (const std::string& b : {write("diffusers"), config.a + "/diffusion_pytorch_model.safetensors"}) {
    config.b = b;
    const auto comparison = inspect::compare_models(config);
    CHECK(comparison.blocks == std::vector<double>{0, 0});
    CHECK(comparison.velocity == 0);
  }
}

TEST_CASE("compare refuses models of different shape and values out of range", "[compare]") {
  const test::TempDir scratch;
  wan::save_wan_dit(scratch / "a", test::micro_dit(1), at::kFloat);
  auto shallow = test::micro_dit_config();
  shallow.num_layers = 2;
  wan::save_wan_dit(scratch / "b", wan::WanDit(shallow), at::kFloat);
  auto config = micro_config(scratch);
  CHECK_THROWS_WITH(inspect::compare_models(config), Contains("4 layers of width 16 and 2 layers of width 16"));
  CHECK_THROWS_AS(inspect::compare_models({}), ConfigError);
  config.timestep = 1001;
  CHECK_THROWS_WITH(config.validate(""), Contains("0 to 1000"));
  config = micro_config(scratch);
  config.frames = 0;
  CHECK_THROWS_AS(config.validate(""), ConfigError);
  config = micro_config(scratch);
  config.text_length = 0;
  CHECK_THROWS_AS(config.validate(""), ConfigError);
  config = micro_config(scratch);
  config.seed = -1;
  CHECK_THROWS_AS(config.validate(""), ConfigError);
}
