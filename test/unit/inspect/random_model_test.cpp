#include "lintorch/inspect/random_model.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/files.h"
#include "lintorch/inspect/random_checkpoint.h"
#include "lintorch/inspect/tensor_spec.h"
#include "lintorch/io/atomic_dir.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/pipeline/text_to_video.h"
#include "test/support/temp_dir.h"
#include "test/support/tiny_dit.h"

using namespace lintorch;
using Catch::Contains;
using Preset = pipeline::ModelPreset;
using inspect::RandomModelConfig;

namespace {

void check_same_tensors(const std::vector<inspect::TensorSpec>& specs, const torch::nn::Module& module) {
  TensorMap state = layers::module_state(module);
  for (const auto& spec : specs) {
    INFO(spec.name);
    const auto found = state.find(spec.name);
    REQUIRE(found != state.end());
    CHECK(found->second.sizes().vec() == spec.shape);
    state.erase(found);
  }
  CHECK(state.empty());
}

}  // namespace

TEST_CASE("tensor lists are those of the modules", "[random_model]") {
  auto config = test::two_layer_config(/*linear_second_layer=*/true);
  check_same_tensors(inspect::wan_dit_tensors(config), *wan::WanDit(config));
  config.cross_attn_norm = false;
  config.patch_size = {2, 1, 2};
  config.out_channels = 6;
  config.linear_attention.feature_map = ops::FeatureMap::kRelu;
  check_same_tensors(inspect::wan_dit_tensors(config), *wan::WanDit(config));
  check_same_tensors(inspect::umt5_tensors(umt5::tiny()), *umt5::Umt5Encoder(umt5::tiny()));
}

TEST_CASE("the presets have the published numbers of parameters", "[random_model]") {
  CHECK(inspect::count_parameters(inspect::wan_dit_tensors(wan::t2v_1_3b())) == 1'418'996'800);
  CHECK(inspect::count_parameters(inspect::wan_dit_tensors(wan::t2v_14b())) == 14'288'491'584);
  CHECK(inspect::wan_dit_tensors(wan::t2v_14b()).size() == 1095);
  CHECK(inspect::count_parameters(inspect::umt5_tensors(umt5::umt5_xxl())) == 5'680'910'336);
  CHECK(inspect::umt5_tensors(umt5::umt5_xxl()).size() == 242);
}

TEST_CASE("a random model loads, generates, and has unit-size activations", "[random_model]") {
  const test::TempDir scratch;
  auto config = RandomModelConfig::load(
      {}, {"preset=tiny", "transformer.num_layers=3", R"(transformer.attention=["linear","softmax","linear"])",
           "seed=5", "max_shard_bytes=3000000", "output=" + (scratch / "model").string()});
  inspect::write_random_model(config);
  CHECK(std::filesystem::exists(scratch / "model" / "transformer" / "diffusion_pytorch_model.safetensors.index.json"));
  auto model = pipeline::load_video_model(scratch / "model", at::kFloat, at::kCPU);
  CHECK(model.dit->config().attention_of(2) == wan::AttentionKind::kLinear);
  CHECK(model.defaults.frames == 17);

  torch::manual_seed(1);
  torch::NoGradGuard no_grad;
  const auto text = pipeline::encode_prompts(model, {"a red fox"});
  CHECK(text.size(1) == 64);
  const auto velocity = model.dit->forward(torch::randn({1, 16, 2, 8, 8}), torch::tensor({500.0}), text);
  CHECK(velocity.std().item<double>() > 0.2);
  CHECK(velocity.std().item<double>() < 5);
}

TEST_CASE("weights depend on seed and name, not on shards or dtype", "[random_model]") {
  const test::TempDir scratch;
  const std::vector<inspect::TensorSpec> specs = {{"a", {200, 50}, 0, 2}, {"b", {7}, 1, 0}, {"c", {3, 4, 4}}};
  auto with_unit = specs;
  with_unit[2].identity = true;
  const auto write = [&](const std::string& name, uint64_t seed, at::ScalarType dtype, int64_t shard) {
    const inspect::RandomTensors random{
        .tensors = with_unit, .seed = seed, .dtype_of = [&](const auto&) { return dtype; }};
    inspect::write_random_checkpoint(scratch / name, "w", random, shard);
    return io::read_checkpoint(scratch / name, "w");
  };
  const auto whole = write("whole", 1, at::kFloat, 1'000'000), shards = write("shards", 1, at::kFloat, 100);
  const auto bf16 = write("bf16", 1, at::kBFloat16, 1'000'000), other = write("other", 2, at::kFloat, 1'000'000);
  CHECK(std::filesystem::exists(scratch / "shards" / "w-00003-of-00003.safetensors"));
  for (const auto& [name, tensor] : whole) {
    CHECK(torch::equal(tensor, shards.at(name)));
    CHECK(torch::equal(tensor.to(at::kBFloat16), bf16.at(name)));
  }
  CHECK_FALSE(torch::equal(whole.at("a"), other.at("a")));
  CHECK(whole.at("a").std().item<double>() == Approx(2).epsilon(0.05));
  CHECK(torch::equal(whole.at("b"), torch::ones({7})));
  CHECK(torch::equal(whole.at("c")[1], torch::eye(4)));
  CHECK_THROWS_AS(write("none", 1, at::kFloat, 0), ConfigError);
}

TEST_CASE("either layout holds the same random model", "[random_model]") {
  const test::TempDir scratch;
  const auto write = [&](const std::string& layout) {
    inspect::write_random_model(RandomModelConfig::load(
        {}, {"transformer.num_layers=2", R"(transformer.attention=["linear","softmax"])", "seed=7", "dtype=bf16",
             "vae.base_dim=8", "flow_shift=4", "max_shard_bytes=1000000", "layout=" + layout,
             "output=" + (scratch / layout).string()}));
    return scratch / layout;
  };
  const auto diffusers = write("diffusers"), original = write("original");
  // Wan's files, as generate.py of its repository opens them; the transformer in shards.
  for (const char* name : {"config.json", "diffusion_pytorch_model.safetensors.index.json", "Wan2.1_VAE.pth",
                           "models_t5_umt5-xxl-enc-bf16.pth", "google/umt5-xxl/spiece.model", "lintorch.json"})
    CHECK(std::filesystem::exists(original / name));
  CHECK_FALSE(std::filesystem::exists(original / "model_index.json"));
  CHECK(io::read_checkpoint(original, "diffusion_pytorch_model").contains("blocks.1.self_attn.q.weight"));
  CHECK(io::read_checkpoint(original / "models_t5_umt5-xxl-enc-bf16.pth", "").contains("token_embedding.weight"));

  auto a = pipeline::load_video_model(diffusers, at::kFloat, at::kCPU);
  auto b = pipeline::load_video_model(original, at::kFloat, at::kCPU);
  const auto check_equal = [](const torch::nn::Module& x, const torch::nn::Module& y) {
    const TensorMap state = layers::module_state(x), other = layers::module_state(y);
    REQUIRE(state.size() == other.size());
    for (const auto& [name, tensor] : state) CHECK(torch::equal(tensor, other.at(name)));
  };
  check_equal(*a.dit, *b.dit);
  check_equal(*a.vae, *b.vae);
  check_equal(*a.text_encoder, *b.text_encoder);
  CHECK(b.dit->config().attention_of(0) == wan::AttentionKind::kLinear);
  CHECK(b.scheduler.flow_shift == 4);
  CHECK(b.defaults.width == 96);
  CHECK(read_file(diffusers / "tokenizer/spiece.model") == read_file(original / "google/umt5-xxl/spiece.model"));
}

TEST_CASE("single parts of a random model can be written in either layout", "[random_model]") {
  const test::TempDir scratch;
  const auto write = [&](const std::string& layout) {
    inspect::write_random_model(RandomModelConfig::load(
        {}, {R"(components=["vae"])", "vae.base_dim=8", "layout=" + layout, "output=" + (scratch / layout).string()}));
    return std::distance(std::filesystem::directory_iterator(scratch / layout), {});
  };
  CHECK(write("original") == 2);  // Wan2.1_VAE.pth and the mark that the folder is whole
  CHECK(std::filesystem::exists(scratch / "original" / "Wan2.1_VAE.pth"));
  CHECK(write("diffusers") == 3);
  CHECK(std::filesystem::exists(scratch / "diffusers" / "vae" / "config.json"));
}

TEST_CASE("a preset gives the defaults, file and overrides change them", "[random_model]") {
  const test::TempDir scratch;
  write_json_file(scratch / "random.json", Json{{"preset", "t2v_14b"}, {"transformer", {{"num_layers", 5}}}});
  const auto config = RandomModelConfig::load(scratch / "random.json", {"vae.base_dim=32"});
  CHECK(config.transformer.num_attention_heads == 40);
  CHECK(config.transformer.num_layers == 5);
  CHECK(config.vae.base_dim == 32);
  CHECK(config.text_encoder.d_model == 4096);
  CHECK(RandomModelConfig::load({}, {"preset=t2v_1_3b"}).transformer.num_attention_heads == 12);
}

TEST_CASE("a random model that cannot work is refused", "[random_model]") {
  const test::TempDir scratch;
  const auto load = [](const std::vector<std::string>& overrides) { return RandomModelConfig::load({}, overrides); };
  CHECK_THROWS_WITH(load({"preset=t2v_2b"}), Contains("t2v_1_3b|t2v_14b|tiny"));
  CHECK_THROWS_WITH(load({"transformer.text_dim=64"}), Contains("text_encoder's d_model (128), got 64"));
  CHECK_THROWS_WITH(load({"transformer.in_channels=4"}), Contains("z_dim (16), got 4"));
  CHECK_THROWS_WITH(load({"components=[\"judge\"]"}), Contains("judge"));
  CHECK_THROWS_WITH(load({"dtype=fp64"}), Contains("fp32, bf16 or fp16"));
  CHECK_THROWS_WITH(load({"seed=-1"}), Contains("0 or more"));
  CHECK_THROWS_WITH(load({"flow_shift=0"}), Contains("positive"));
  CHECK_THROWS_WITH(load({"max_shard_bytes=0"}), Contains("at least 1"));
  CHECK_THROWS_WITH(inspect::write_random_model(load({})), Contains("output: expected a folder"));
  write_json_file(scratch / "full" / "mine.json", Json::object());
  CHECK_THROWS_AS(inspect::write_random_model(load({"output=" + (scratch / "full").string()})), IoError);
  CHECK(std::filesystem::exists(scratch / "full" / "mine.json"));
}
