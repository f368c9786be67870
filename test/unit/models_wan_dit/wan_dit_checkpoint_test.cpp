#include "lintorch/models/wan/dit_checkpoint.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/linear_core.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/dit_key_map.h"
#include "test/support/tiny_dit.h"

using namespace lintorch;
using namespace lintorch::test;

namespace {

constexpr const char* kStem = "diffusion_pytorch_model";

// A folder removed at the end of the test.
struct Folder {
  explicit Folder(const char* name) : path(std::filesystem::temp_directory_path() / name) {
    std::filesystem::remove_all(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

wan::WanDit saved_dit(const std::filesystem::path& folder) {
  auto dit = random_dit(two_layer_config(true), 1);
  wan::save_wan_dit(folder, dit, at::kFloat, {{"note", "test"}});
  return dit;
}

wan::WanDit load(const std::filesystem::path& folder) { return wan::load_wan_dit(folder, at::kFloat, at::kCPU); }

// Rewrites the weights after a change.
template <class Change>
void change_weights(const std::filesystem::path& folder, Change change) {
  TensorMap state;
  for (const auto& [name, tensor] : io::read_checkpoint(folder, kStem)) state[name] = tensor.clone();
  change(state);
  io::write_checkpoint(folder, kStem, state);
}

void change_config(const std::filesystem::path& folder, const Json& change) {
  Json config = read_json_file(folder / "config.json");
  config.update(change);
  write_json_file(folder / "config.json", config);
}

}  // namespace

TEST_CASE("save_wan_dit and load_wan_dit keep every bit in fp32", "[wan_dit_checkpoint]") {
  const Folder folder("lintorch_dit_round_trip");
  const auto dit = saved_dit(folder.path);
  const auto loaded = load(folder.path);
  CHECK_FALSE(loaded->is_training());
  CHECK(loaded->config().attention_of(1) == wan::AttentionKind::kLinear);
  const TensorMap expected = layers::module_state(*dit), got = layers::module_state(*loaded);
  REQUIRE(got.size() == expected.size());
  CHECK(got.contains("blocks.1.attn1.core.w_q"));
  for (const auto& [name, tensor] : expected) CHECK(torch::equal(got.at(name), tensor));
  CHECK(io::read_checkpoint_metadata(folder.path, kStem).at("note") == "test");
}

TEST_CASE("load_wan_dit in bf16 keeps time path, modulation, norms and head in fp32", "[wan_dit_checkpoint]") {
  const Folder folder("lintorch_dit_bf16");
  saved_dit(folder.path);
  const auto loaded = wan::load_wan_dit(folder.path, at::kBFloat16, at::kCPU);
  const auto dtype = [&](const char* name) { return layers::module_state(*loaded).at(name).scalar_type(); };
  CHECK(dtype("blocks.0.attn1.to_q.weight") == at::kBFloat16);
  CHECK(dtype("blocks.1.attn1.core.w_k") == at::kBFloat16);
  CHECK(dtype("blocks.0.attn1.to_out.0.bias") == at::kBFloat16);
  CHECK(dtype("condition_embedder.text_embedder.linear_1.weight") == at::kBFloat16);
  for (const char* name :
       {"condition_embedder.time_embedder.linear_2.weight", "condition_embedder.time_proj.bias", "scale_shift_table",
        "blocks.0.scale_shift_table", "blocks.0.norm2.weight", "blocks.1.attn2.norm_k.weight", "proj_out.weight"})
    CHECK(dtype(name) == at::kFloat);
}

TEST_CASE("load_wan_dit reads original Wan names", "[wan_dit_checkpoint]") {
  const Folder folder("lintorch_dit_original");
  const auto dit = saved_dit(folder.path);
  change_weights(folder.path, [](TensorMap& state) {
    TensorMap original;
    for (const auto& [name, tensor] : state) original["model." + *wan::dit_key_to_original(name)] = tensor;
    state = original;
  });
  const auto loaded = load(folder.path);
  for (const auto& [name, tensor] : layers::module_state(*dit))
    CHECK(torch::equal(layers::module_state(*loaded).at(name), tensor));
}

TEST_CASE("load_wan_dit refuses a layer list that the weights contradict", "[wan_dit_checkpoint]") {
  const Folder folder("lintorch_dit_layers");
  saved_dit(folder.path);
  change_config(folder.path, {{"attention", {"linear", "softmax"}}});
  CHECK_THROWS_AS(load(folder.path), CheckpointError);
  CHECK_THROWS_WITH(load(folder.path), Catch::Contains("in softmax layers [1], none in linear layers [0]"));
  change_config(folder.path, {{"attention", Json::array()}, {"num_layers", 3}});
  CHECK_THROWS_WITH(load(folder.path), Catch::Contains("num_layers = 3") && Catch::Contains("got 2"));
}

TEST_CASE("load_wan_dit lists tensors that do not fit", "[wan_dit_checkpoint]") {
  const Folder folder("lintorch_dit_misfit");
  saved_dit(folder.path);
  change_weights(folder.path, [](TensorMap& state) {
    state.erase("proj_out.bias");
    state["blocks.0.attn1.to_q.lora"] = at::zeros({1});
    state["blocks.0.norm2.weight"] = at::zeros({5});
  });
  CHECK_THROWS_AS(load(folder.path), CheckpointError);
  CHECK_THROWS_WITH(load(folder.path), Catch::Contains("missing: proj_out.bias") &&
                                           Catch::Contains("unexpected: blocks.0.attn1.to_q.lora") &&
                                           Catch::Contains("blocks.0.norm2.weight (expected [24], got [5])"));
  std::filesystem::remove(folder.path / "config.json");
  CHECK_THROWS_AS(load(folder.path), IoError);
}

TEST_CASE("save_wan_dit refuses cores that the config does not name", "[wan_dit_checkpoint]") {
  const Folder folder("lintorch_dit_cores");
  const auto config = two_layer_config(true);
  auto dit = random_dit(config, 1);
  dit->block(0)->attn1->set_core(std::make_shared<layers::LinearCore>(2, 12, config.linear_attention));
  CHECK_THROWS_WITH(wan::save_wan_dit(folder.path, dit, at::kFloat), Catch::Contains("layer 0"));
  CHECK_FALSE(std::filesystem::exists(folder.path));
}

TEST_CASE("save_wan_dit refuses a core of another RoPE order", "[wan_dit_checkpoint]") {
  const Folder folder("lintorch_dit_rope_order");
  const auto config = two_layer_config(true);
  auto dit = random_dit(config, 1);
  auto other = config.linear_attention;
  other.rope = layers::RopeOrder::kAfter;
  dit->block(1)->attn1->set_core(std::make_shared<layers::LinearCore>(2, 12, other));
  CHECK_THROWS_WITH(wan::save_wan_dit(folder.path, dit, at::kFloat), Catch::Contains("layer 1"));
}
