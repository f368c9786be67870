#include "lintorch/inspect/run_component.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/files.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/pipeline/model_export.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using Catch::Contains;
using inspect::Component;

namespace {

struct MicroModel {
  MicroModel() { test::write_micro_model(folder / "model"); }

  inspect::RunConfig config(Component component) const {
    inspect::RunConfig config;
    config.component = component;
    config.model = (folder / "model").string();
    config.device = "cpu";
    return config;
  }

  test::TempDir folder;
};

at::Tensor utf8(const std::string& text) {
  return torch::tensor(std::vector<uint8_t>(text.begin(), text.end()), torch::kByte);
}

}  // namespace

TEST_CASE("components give what the classes give", "[run_component]") {
  const MicroModel micro;
  torch::manual_seed(3);
  torch::NoGradGuard no_grad;
  auto model = pipeline::load_video_model(micro.folder / "model", at::kFloat, at::kCPU);

  const auto latent = torch::randn({1, 4, 2, 4, 4}), timestep = torch::tensor({700.0}), text = torch::randn({1, 5, 16});
  const auto sample =
      inspect::run_component(micro.config(Component::kTransformer),
                             {{"hidden_states", latent}, {"timestep", timestep}, {"encoder_hidden_states", text}});
  CHECK(torch::equal(sample.at("sample"), model.dit->forward(latent, timestep, text)));

  const auto video = torch::rand({1, 3, 5, 16, 16}) * 2 - 1;
  const auto moments = inspect::run_component(micro.config(Component::kVaeEncode), {{"x", video}});
  CHECK(torch::equal(torch::cat({moments.at("mean"), moments.at("logvar")}, 1), model.vae->encode_moments(video)));
  const auto decoded = inspect::run_component(micro.config(Component::kVaeDecode), {{"z", latent * 9}}).at("sample");
  CHECK(torch::equal(decoded, model.vae->decode_raw(latent * 9).clamp(-1, 1)));

  const auto tokens = inspect::run_component(micro.config(Component::kTokenizer),
                                             {{"text", utf8("a red\na star")}, {"lengths", torch::tensor({6, 6})}});
  const auto expected = model.tokenizer->encode({"a red\n", "a star"});
  CHECK(torch::equal(tokens.at("input_ids"), expected.ids_BS));
  CHECK(torch::equal(tokens.at("attention_mask"), expected.mask_BS));
  const auto hidden = inspect::run_component(micro.config(Component::kTextEncoder), tokens).at("last_hidden_state");
  CHECK(torch::equal(hidden, model.text_encoder(expected.ids_BS, expected.mask_BS)));
}

TEST_CASE("the scheduler component walks the sampler of the model, or the one asked for", "[run_component]") {
  const MicroModel micro;
  torch::manual_seed(4);
  const auto start = torch::randn({2, 3}), outputs = torch::randn({6, 2, 3});
  auto config = micro.config(Component::kScheduler);
  const auto run = inspect::run_component(config, {{"sample", start}, {"model_outputs", outputs}});
  CHECK(run.at("sigmas").size(0) == 7);
  CHECK(run.at("timesteps")[0].item<double>() == 999);
  const auto check = [&](diffusion::SamplerKind kind, double shift, const at::Tensor& samples) {
    auto sampler = diffusion::make_sampler(kind, 6, shift);
    at::Tensor x = start;
    for (int64_t i = 0; i < 6; ++i) {
      x = sampler->step(outputs[i], i, x);
      CHECK(torch::equal(samples[i], x));
    }
  };
  check(diffusion::SamplerKind::kUniPc, 3.0, run.at("samples"));  // the micro model's scheduler/
  config.sampler = diffusion::SamplerKind::kEuler;
  config.shift = 8;
  check(diffusion::SamplerKind::kEuler, 8.0,
        inspect::run_component(config, {{"sample", start}, {"model_outputs", outputs}}).at("samples"));
}

TEST_CASE("run works from file to file, and on the folder of one component", "[run_component]") {
  const MicroModel micro;
  auto config = micro.config(Component::kTokenizer);
  config.model = (micro.folder / "model" / "tokenizer").string();
  config.input = (micro.folder / "prompts.txt").string();
  config.output = (micro.folder / "out.safetensors").string();
  write_file_atomic(config.input, "a red circle\n\na star\n");
  inspect::run_component_files(config);
  const io::SafetensorsFile file(config.output);
  CHECK(file.tensor("input_ids").size(0) == 2);
  CHECK_THAT(file.metadata().at("run"), Contains("tokenizer"));

  io::write_safetensors(micro.folder / "in.safetensors", {{"text", utf8("a red circle")}});
  config.input = (micro.folder / "in.safetensors").string();
  inspect::run_component_files(config);
  CHECK(torch::equal(io::SafetensorsFile(config.output).tensor("input_ids")[0], file.tensor("input_ids")[0]));
}

TEST_CASE("run gives the same of Wan's own layout, of single files, and of parts from elsewhere", "[run_component]") {
  const MicroModel micro;
  const auto diffusers = micro.folder / "model", original = micro.folder / "original";
  std::filesystem::create_directories(original);
  const auto dit = wan::open_wan_dit(diffusers / "transformer");
  pipeline::write_model_folder(diffusers, {dit.config, dit.state}, original, {.layout = ModelLayout::kOriginal});
  torch::manual_seed(5);
  const auto latent = torch::randn({1, 4, 2, 4, 4});
  const std::pair<Component, TensorMap> cases[] = {
      {Component::kTransformer,
       {{"hidden_states", latent},
        {"timestep", torch::tensor({700.0})},
        {"encoder_hidden_states", torch::randn({1, 5, 16})}}},
      {Component::kVaeEncode, {{"x", torch::rand({1, 3, 5, 16, 16})}}},
      {Component::kVaeDecode, {{"z", latent}}},
      {Component::kTextEncoder, {{"input_ids", torch::tensor({{4, 7, 1}}, torch::kLong)}}},
      {Component::kTokenizer, {{"text", utf8("a red star")}}},
      {Component::kScheduler, {{"sample", latent}, {"model_outputs", torch::randn({3, 1, 4, 2, 4, 4})}}}};
  const pipeline::ComponentPaths files{.transformer = (original / "diffusion_pytorch_model.safetensors").string(),
                                       .vae = (original / "Wan2.1_VAE.pth").string(),
                                       .text_encoder = (original / "models_t5_umt5-xxl-enc-bf16.pth").string(),
                                       .tokenizer = (original / "google/umt5-xxl").string()};
  const auto check_equal = [](const TensorMap& a, const TensorMap& b) {
    REQUIRE(a.size() == b.size());
    for (const auto& [name, tensor] : a) CHECK(torch::equal(tensor, b.at(name)));
  };
  for (const auto& [component, inputs] : cases) {
    auto config = micro.config(component);
    const TensorMap expected = inspect::run_component(config, inputs);
    config.model = original.string();
    check_equal(inspect::run_component(config, inputs), expected);
    if (component == Component::kScheduler) continue;
    config.model = (micro.folder / "empty").string();  // not looked at
    config.components = files;
    check_equal(inspect::run_component(config, inputs), expected);
  }
  // Without lintorch's own file, the scheduler is that of Wan's code: UniPC with shift 5.
  std::filesystem::remove(original / pipeline::kOriginalExtrasFile);
  auto config = micro.config(Component::kScheduler);
  config.model = original.string();
  const auto sigmas = inspect::run_component(config, cases[5].second).at("sigmas");
  CHECK(torch::equal(
      sigmas, torch::tensor(diffusion::make_sampler(diffusion::SamplerKind::kUniPc, 3, 5)->sigmas(), torch::kDouble)));
}

TEST_CASE("inputs that do not fit are refused by name", "[run_component]") {
  const MicroModel micro;
  const auto run = [&](Component component, const TensorMap& inputs) {
    inspect::run_component(micro.config(component), inputs);
  };
  CHECK_THROWS_WITH(run(Component::kVaeDecode, {}), Contains("vae_decode: expected an input \"z\""));
  CHECK_THROWS_WITH(run(Component::kVaeDecode, {{"x", torch::zeros({1})}}), Contains("expected inputs z, got \"x\""));
  CHECK_THROWS_WITH(run(Component::kVaeDecode, {{"z", torch::zeros({1})}}), Contains("expected 5 dimensions, got 1"));
  CHECK_THROWS_WITH(run(Component::kTokenizer, {{"text", torch::zeros({3})}}), Contains("expected uint8"));
  CHECK_THROWS_WITH(run(Component::kTokenizer, {{"text", utf8("abc")}, {"lengths", torch::tensor({4})}}),
                    Contains("add up to 3"));
  CHECK_THROWS_WITH(run(Component::kTextEncoder, {{"input_ids", torch::full({1, 2}, 512)}}), Contains("from 0 to 511"));
  auto config = micro.config(Component::kVaeDecode);
  config.component.reset();
  CHECK_THROWS_AS(inspect::run_component(config, {}), ConfigError);
  config = micro.config(Component::kVaeDecode);
  CHECK_THROWS_WITH(inspect::run_component_files(config), Contains("input: expected a file"));
  config.model = "/nonexistent";
  CHECK_THROWS_WITH(inspect::run_component(config, {{"z", torch::zeros({1, 4, 1, 2, 2})}}), Contains("does not exist"));
  CHECK_THROWS_WITH(config_from_json<inspect::RunConfig>(Json{{"shift", 0}}), Contains("positive"));
  std::filesystem::remove_all(micro.folder / "model" / "vae");
  CHECK_THROWS_AS(run(Component::kVaeDecode, {{"z", torch::zeros({1, 4, 1, 2, 2})}}), CheckpointError);
}
