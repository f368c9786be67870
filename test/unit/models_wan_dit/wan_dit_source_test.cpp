#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/layers/uninitialized.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/dit_key_map.h"
#include "lintorch/models/wan/dit_original_config.h"
#include "lintorch/models/wan/dit_shapes.h"
#include "test/support/temp_dir.h"
#include "test/support/tiny_dit.h"

using namespace lintorch;
using namespace lintorch::test;
using Catch::Contains;

namespace {

constexpr const char* kStem = "diffusion_pytorch_model";

/// The preset `tiny` in bf16: some megabytes.
const TensorMap& tiny_state() {
  static const TensorMap state = [] {
    torch::manual_seed(3);
    TensorMap state = layers::module_state(*wan::WanDit(wan::tiny()));
    for (auto& [name, tensor] : state) tensor = at::randn(tensor.sizes()).to(at::kBFloat16);
    return state;
  }();
  return state;
}

TensorMap with_prefix_added(const TensorMap& state, const std::string& prefix) {
  TensorMap renamed;
  for (const auto& [name, tensor] : state) renamed[prefix + name] = tensor;
  return renamed;
}

bool equal(const TensorMap& a, const TensorMap& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a)
    if (!b.contains(name) || b.at(name).scalar_type() != tensor.scalar_type() || !at::equal(tensor, b.at(name)))
      return false;
  return true;
}

std::string refusal(const std::filesystem::path& path) {
  try {
    wan::open_wan_dit(path);
  } catch (const Error& e) {
    return e.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("a single file with original names and a prefix is recognised by its shapes", "[wan_dit_source]") {
  const TempDir folder;
  const TensorMap original = wan::dit_state_to_original(tiny_state());
  for (const std::string prefix : {"", "model.diffusion_model.", "pipe.dit."}) {
    io::write_safetensors(folder / "dit.safetensors", with_prefix_added(original, prefix));
    const auto source = wan::open_wan_dit(folder / "dit.safetensors");
    CHECK(equal(source.state, tiny_state()));
    CHECK(source.config.num_attention_heads == 4);
    CHECK(source.config.text_dim == 128);
  }
  io::write_safetensors(folder / "dit.safetensors", with_prefix_added(tiny_state(), "model.diffusion_model."));
  CHECK(equal(wan::open_wan_dit(folder / "dit.safetensors").state, tiny_state()));
}

TEST_CASE("files that fit no preset, or not quite, are refused with the nearest", "[wan_dit_source]") {
  const TempDir folder;
  const auto file = folder / "dit.safetensors";
  TensorMap state = tiny_state();
  state.erase("blocks.7.attn1.to_q.bias");
  io::write_safetensors(file, state);
  CHECK_THAT(refusal(file),
             Contains("shapes are those of no preset") && Contains("nearest preset: tiny (230 of its 231"));
  io::write_safetensors(file, with_prefix_added(tiny_state(), "backbone."));
  CHECK_THAT(refusal(file), Contains("no Wan transformer") && Contains("backbone."));
  TensorMap both = tiny_state();
  both["head.modulation"] = both["scale_shift_table"];
  io::write_safetensors(file, both);
  CHECK_THAT(refusal(file), Contains("ambiguous") && Contains("Diffusers names") && Contains("original Wan names"));
  TensorMap mixed = with_prefix_added(tiny_state(), "model.");
  mixed["vae.encoder.conv1.weight"] = at::zeros({1});
  io::write_safetensors(file, mixed);
  CHECK_THAT(refusal(file), Contains("to have the prefix model., got vae.encoder.conv1.weight"));
}

TEST_CASE("a config of another preset, or other number formats, are named", "[wan_dit_source]") {
  const TempDir folder;
  io::write_checkpoint(folder.path(), kStem, tiny_state());
  auto config = wan::tiny();
  config.ffn_dim = 2048;
  write_json_file(folder / "config.json", wan::wan_dit_config_to_json(config));
  CHECK_THAT(refusal(folder.path()),
             Contains("24 mis-shaped: blocks.0.ffn.net.0.proj.bias (expected [2048], got [1024])") &&
                 Contains("nearest preset: tiny (231 of its 231 tensors fit)"));
  write_json_file(folder / "config.json", wan::wan_dit_config_to_json(wan::t2v_1_3b()));
  CHECK_THAT(refusal(folder.path()),
             Contains("num_layers = 30") && Contains("got 8") && Contains("nearest preset: tiny"));
  write_json_file(folder / "config.json", wan::wan_dit_config_to_json(wan::tiny()));
  TensorMap state = tiny_state();
  state["proj_out.weight"] = state["proj_out.weight"].to(at::kFloat8_e4m3fn);
  state["proj_out.bias"] = state["proj_out.bias"].to(at::kInt);
  io::write_checkpoint(folder.path(), kStem, state);
  CHECK_THAT(refusal(folder.path()), Contains("2 of a wrong number format: proj_out.bias (expected fp32, bf16, fp16 or "
                                              "fp64, got Int), proj_out.weight"));
}

TEST_CASE("an original folder loads with its config.json, and without", "[wan_dit_source]") {
  const TempDir folder;
  io::write_checkpoint(folder.path(), kStem, wan::dit_state_to_original(tiny_state()), {}, 2'000'000);
  CHECK(std::filesystem::exists(folder / "diffusion_pytorch_model.safetensors.index.json"));
  const auto by_shapes = wan::open_wan_dit(folder.path());
  CHECK(equal(by_shapes.state, tiny_state()));
  // As Wan writes it: without text_dim, patch_size, cross_attn_norm.
  const Json published = {{"_class_name", "WanModel"},
                          {"_diffusers_version", "0.30.0"},
                          {"dim", 256},
                          {"eps", 1e-6},
                          {"ffn_dim", 1024},
                          {"freq_dim", 256},
                          {"in_dim", 16},
                          {"model_type", "t2v"},
                          {"num_heads", 2},
                          {"num_layers", 8},
                          {"out_dim", 16},
                          {"text_len", 512}};
  write_json_file(folder / "config.json", published);
  const auto by_config = wan::open_wan_dit(folder.path());
  CHECK(by_config.config.num_attention_heads == 2);  // shapes cannot tell: the file is believed
  CHECK(by_config.config.attention_head_dim == 128);
  CHECK(by_config.config.text_dim == 128);

  Json config = published;
  config.erase("num_heads");
  write_json_file(folder / "config.json", config);
  CHECK(wan::open_wan_dit(folder.path()).config.num_attention_heads == 4);  // of the preset
  config = published;
  config["model_type"] = "i2v";
  write_json_file(folder / "config.json", config);
  CHECK_THROWS_AS(wan::open_wan_dit(folder.path()), NotSupportedError);
  config = published;
  config["num_hats"] = 2;
  write_json_file(folder / "config.json", config);
  CHECK_THROWS_WITH(wan::open_wan_dit(folder.path()), Contains("num_hats"));
  config = published;
  config["num_heads"] = 3;
  write_json_file(folder / "config.json", config);
  CHECK_THROWS_WITH(wan::open_wan_dit(folder.path()), Contains("multiple of num_heads = 3"));
  write_json_file(folder / "config.json", {{"_class_name", "FluxTransformer2DModel"}});
  CHECK_THROWS_WITH(wan::open_wan_dit(folder.path()), Contains("FluxTransformer2DModel"));
}

TEST_CASE("original configs of any shape survive the round trip", "[wan_dit_source]") {
  wan::WanDitConfig config = two_layer_config(true);
  config.cross_attn_norm = false;
  config.patch_size = {1, 1, 2};
  config.rope_max_seq_len = 77;
  const TensorMap state = layers::module_state(*random_dit(config, 1));
  const auto back = wan::original_dit_config(wan::original_dit_config_json(config), state, "test");
  REQUIRE(back);
  CHECK(wan::wan_dit_config_to_json(*back) == wan::wan_dit_config_to_json(config));
  CHECK(wan::original_dit_config_json(wan::t2v_14b())["dim"] == 5120);
}

TEST_CASE("a linearized model is written in either layout and comes back with the same bits", "[wan_dit_source]") {
  const TempDir folder;
  const auto config = two_layer_config(true);
  const TensorMap state = layers::module_state(*random_dit(config, 1));
  wan::write_wan_dit(folder / "original", config, state, {.layout = ModelLayout::kOriginal, .max_shard_bytes = 20'000});
  const auto original = wan::open_wan_dit(folder / "original");
  CHECK(equal(original.state, state));
  CHECK(io::read_checkpoint(folder / "original", kStem).contains("blocks.1.self_attn.core.w_q"));
  CHECK(wan::wan_dit_config_to_json(original.config) == wan::wan_dit_config_to_json(config));
  wan::write_wan_dit(folder / "diffusers", original.config, original.state);
  CHECK(equal(wan::open_wan_dit(folder / "diffusers").state, state));
  // The weight file alone says which layers are linear.
  const auto file = folder / "diffusers/diffusion_pytorch_model.safetensors";
  CHECK((wan::open_wan_dit(file).config.attention == config.attention));
  io::write_safetensors(folder / "bare.safetensors", state);
  CHECK_THAT(refusal(folder / "bare.safetensors"), Contains("no config in the metadata"));
  io::write_safetensors(folder / "bare.safetensors", state, {{kConfigMetadata, "{"}});
  CHECK_THAT(refusal(folder / "bare.safetensors"), Contains("is not JSON"));
}

TEST_CASE("shapes are told without building the model", "[wan_dit_shapes]") {
  for (const bool linear : {false, true}) {
    const auto config = two_layer_config(linear);
    CHECK(wan::dit_shapes(config) == layers::shapes_of(layers::module_state(*wan::WanDit(config))));
  }
  CHECK(wan::dit_shapes(wan::t2v_1_3b()).size() == 825);
  CHECK(wan::dit_shapes(wan::t2v_14b()).size() == 1095);
}

TEST_CASE("while Uninitialized lives, random initialisation draws nothing", "[uninitialized]") {
  torch::manual_seed(5);
  const at::Tensor first = at::randn({4});
  torch::manual_seed(5);
  {
    const layers::Uninitialized uninitialized;
    const wan::WanDit dit(two_layer_config(false));
    CHECK(dit->parameters().size() > 50);
    CHECK(at::ones({3}).sum().item<float>() == 3);  // other operations work as ever
  }
  CHECK(at::equal(at::randn({4}), first));
}
