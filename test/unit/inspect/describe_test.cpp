#include "lintorch/inspect/describe.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/inspect/random_model.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using Catch::Contains;

TEST_CASE("describe gives the published figures of Wan 2.1 14B from its config alone", "[describe]") {
  const test::TempDir scratch;
  auto config = wan::t2v_14b();
  config.attention.assign(40, wan::AttentionKind::kSoftmax);
  config.attention[7] = wan::AttentionKind::kLinear;
  write_json_file(scratch / "config.json", wan::wan_dit_config_to_json(config));
  inspect::DescribeConfig describe;
  describe.model = scratch.path().string();
  describe.size = "1280x720";
  describe.frames = 81;
  const Json json = inspect::describe_model(describe);
  CHECK(json["video"]["tokens"] == 75'600);
  CHECK(json["video"]["latent"] == Json({21, 90, 160}));
  // One linear layer: two maps of 128 x 128 for each of 40 heads.
  CHECK(json["parameters"]["transformer"] == 14'288'491'584 + 2 * 40 * 128 * 128);
  CHECK(json["parameters"]["vae"] == 126'892'531);
  CHECK(json["parameters"]["text_encoder"] == 0);
  CHECK(json["attention"] == "SSSSSSSLSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS");
  // 39 layers of 4 L^2 D.
  CHECK(json["forward"]["flops_softmax_attention"].get<double>() == Approx(39 * 4.0 * 75'600 * 75'600 * 5120));
  CHECK(json["forward"]["bytes_weights"].get<double>() > 28.58e9);
  CHECK(json["forward"]["bytes_weights"].get<double>() < 30e9);
  // 51 states and 2 x 50 velocities of 16 x 21 x 90 x 160 in two bytes.
  CHECK(json["trajectories"]["bytes_each"].get<double>() == 151 * 2.0 * 16 * 21 * 90 * 160);
  CHECK(json["train"]["teacher_student_optimizer"].get<double>() == 20.0 * (14'288'491'584 + 2 * 40 * 128 * 128));

  const std::string text = inspect::description_text(json);
  CHECK_THAT(text, Contains("40 layers of width 5120 (40 heads x 128)"));
  CHECK_THAT(text, Contains("(1 of 40 linear)"));
  CHECK_THAT(text, Contains("75600 tokens"));
}

TEST_CASE("describe names the RoPE order of linear layers where it is not the usual one", "[describe]") {
  const test::TempDir scratch;
  auto config = wan::tiny();
  config.attention.assign(8, wan::AttentionKind::kLinear);
  const auto text = [&] {
    write_json_file(scratch / "config.json", wan::wan_dit_config_to_json(config));
    inspect::DescribeConfig describe;
    describe.model = scratch.path().string();
    describe.size = "192x144";
    describe.frames = 17;
    return inspect::description_text(inspect::describe_model(describe));
  };
  CHECK_THAT(text(), Contains("(8 of 8 linear)"));
  config.linear_attention.rope = layers::RopeOrder::kAfter;
  CHECK_THAT(text(), Contains("(8 of 8 linear, rotation after the feature map)"));
}

TEST_CASE("describe takes sizes from the model folder and counts all its parts", "[describe]") {
  const test::TempDir scratch;
  test::write_micro_model(scratch / "model");
  auto model = pipeline::load_video_model(scratch / "model", at::kFloat, at::kCPU);
  const auto count = [](torch::nn::Module& module) {
    int64_t sum = 0;
    for (const auto& parameter : module.parameters()) sum += parameter.numel();
    return sum;
  };
  inspect::DescribeConfig describe;
  describe.model = (scratch / "model").string();
  const Json json = inspect::describe_model(describe);
  CHECK(json["parameters"]["transformer"] == count(*model.dit));
  CHECK(json["parameters"]["text_encoder"] == count(*model.text_encoder));
  CHECK(json["parameters"]["vae"] == count(*model.vae));
  CHECK(json["video"]["latent"] == Json({2, 4, 4}));
  CHECK(json["video"]["steps"] == 4);
  const auto& generate = json["generate"];
  CHECK(generate["peak_one_at_a_time"].get<double>() < generate["peak_all_resident"].get<double>());

  describe.dtype = "fp32";
  const Json fp32 = inspect::describe_model(describe);
  CHECK(fp32["forward"]["bytes_weights"] == 4.0 * static_cast<double>(count(*model.dit)));
  CHECK(fp32["forward"]["bytes_activations"].get<double>() == 2 * json["forward"]["bytes_activations"].get<double>());
}

TEST_CASE("describe says the same of either layout, of files, and with parts from elsewhere", "[describe]") {
  const test::TempDir scratch;
  const auto write = [&](const std::string& layout) {
    inspect::write_random_model(inspect::RandomModelConfig::load(
        {},
        {"transformer.num_layers=2", "vae.base_dim=8", "layout=" + layout, "output=" + (scratch / layout).string()}));
    return (scratch / layout).string();
  };
  const auto diffusers = write("diffusers"), original = write("original");
  const auto describe = [&](const std::string& model, const pipeline::ComponentPaths& components = {}) {
    inspect::DescribeConfig config;
    config.model = model;
    config.components = components;
    config.size = "32x32";
    config.frames = 5;
    return inspect::describe_model(config);
  };
  const Json expected = describe(diffusers);
  CHECK(expected["parameters"]["text_encoder"] > 0);
  CHECK(describe(original) == expected);

  const std::string dit = original + "/diffusion_pytorch_model.safetensors";
  const Json alone = describe(dit);
  CHECK(alone["transformer"] == expected["transformer"]);
  CHECK(alone["parameters"]["text_encoder"] == 0);
  CHECK(alone["memory_counted"]["text_encoder"] == "none: not in this model");
  CHECK(alone["parameters"]["vae"] == 126'892'531);
  const pipeline::ComponentPaths parts{.vae = original + "/Wan2.1_VAE.pth",
                                       .text_encoder = original + "/models_t5_umt5-xxl-enc-bf16.pth"};
  CHECK(describe(dit, parts)["parameters"] == expected["parameters"]);
  std::filesystem::remove_all(diffusers + "/text_encoder");
  CHECK(describe(diffusers)["parameters"]["text_encoder"] == 0);
  CHECK(describe(diffusers, parts)["parameters"] == expected["parameters"]);
}

TEST_CASE("describe says what its memory figures count", "[describe]") {
  const test::TempDir scratch;
  test::write_micro_model(scratch / "model");
  inspect::DescribeConfig config;
  config.model = (scratch / "model").string();
  config.size = "64x32";
  const Json json = inspect::describe_model(config);
  // Whatever has bytes has words, and its number stands in the text beside them.
  const std::string text = inspect::description_text(json);
  for (const char* part : {"generate", "train"})
    for (const auto& [key, bytes] : json[part].items()) {
      INFO(part << "." << key);
      CHECK((key.starts_with("peak") || json["memory_counted"].contains(key)));
      CHECK(bytes.get<double>() > 0);
    }
  for (const auto& [key, words] : json["memory_counted"].items()) CHECK_THAT(text, Contains(words.get<std::string>()));
  CHECK_THAT(text,
             Contains("64x32, 5 frames") && Contains("counted from the shapes") && Contains("2 samples of guidance"));
  config.size = "64x64";
  const auto twice = [&](const Json& larger, const Json& smaller) {
    return larger.get<double>() / smaller.get<double>() == Approx(2);
  };
  const Json larger = inspect::describe_model(config);
  CHECK(twice(larger["generate"]["transformer_activations"], json["generate"]["transformer_activations"]));
  CHECK(twice(larger["generate"]["vae_decode"], json["generate"]["vae_decode"]));
  CHECK(larger["generate"]["text_encoder"] == json["generate"]["text_encoder"]);
}

TEST_CASE("describe refuses what does not fit", "[describe]") {
  const test::TempDir scratch;
  test::write_micro_model(scratch / "model");
  const auto describe = [&](const std::string& size, int64_t frames) {
    inspect::DescribeConfig config;
    config.model = (scratch / "model").string();
    config.size = size;
    config.frames = frames;
    return inspect::describe_model(config);
  };
  CHECK(describe("32x16", 9)["video"]["latent"] == Json({3, 4, 8}));
  CHECK_THROWS_WITH(describe("30x16", 9), Contains("width that is a multiple of 8, got 30"));
  CHECK_THROWS_WITH(describe("32x4", 9), Contains("height that is a multiple of 8, got 4"));
  CHECK_THROWS_WITH(describe("32x16", 8), Contains("1 + a multiple of 4, got 8"));
  CHECK_THROWS_AS(inspect::describe_model({}), ConfigError);
  inspect::DescribeConfig config;
  for (const auto& [field, value] :
       {std::pair<int64_t inspect::DescribeConfig::*, int64_t>{&inspect::DescribeConfig::text_length, 0},
        {&inspect::DescribeConfig::trajectories, 0}}) {
    config = {};
    config.*field = value;
    CHECK_THROWS_AS(config.validate(""), ConfigError);
  }
  config = {};
  config.steps = 0;
  CHECK_THROWS_AS(config.validate(""), ConfigError);
  std::filesystem::remove_all(scratch / "model" / "transformer");
  CHECK_THROWS_WITH(describe("32x16", 9), Contains("has no transformer"));
}
