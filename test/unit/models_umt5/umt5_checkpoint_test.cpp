#include "lintorch/models/umt5/checkpoint.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/umt5/key_map.h"

using namespace lintorch;
using namespace lintorch::umt5;

namespace {

struct Saved {
  std::filesystem::path path = std::filesystem::temp_directory_path() / "lintorch_umt5_checkpoint_test";
  Umt5Encoder encoder{tiny()};
  Saved() { save_umt5(path, encoder, torch::kFloat32, {{"step", "7"}}); }
  ~Saved() { std::filesystem::remove_all(path); }

  TensorMap state() const { return layers::module_state(*encoder); }
  void rewrite(const TensorMap& state) const { io::write_checkpoint(path, "model", state); }
  bool loads_equal() const {
    const auto loaded = load_umt5(path, torch::kFloat32, torch::kCPU);
    for (const auto& [name, tensor] : layers::module_state(*loaded))
      if (!torch::equal(tensor, state().at(name))) return false;
    return true;
  }
};

}  // namespace

TEST_CASE("a saved text encoder loads with the same bits", "[umt5_checkpoint]") {
  const Saved saved;
  CHECK(saved.loads_equal());
  CHECK(saved.state().contains("shared.weight"));
  const auto loaded = load_umt5(saved.path, torch::kBFloat16, torch::kCPU);
  for (const auto& parameter : loaded->parameters()) CHECK(parameter.scalar_type() == torch::kBFloat16);
  CHECK(torch::equal(layers::module_state(*loaded).at("encoder.final_layer_norm.weight").to(torch::kFloat32),
                     saved.state().at("encoder.final_layer_norm.weight")));
}

TEST_CASE("the embedding may stand under either of transformers' names, or both", "[umt5_checkpoint]") {
  const Saved saved;
  auto state = saved.state();
  state["encoder.embed_tokens.weight"] = state["shared.weight"];
  saved.rewrite(state);
  CHECK(saved.loads_equal());
  state.erase("shared.weight");
  saved.rewrite(state);
  CHECK(saved.loads_equal());
}

TEST_CASE("official Wan names are accepted", "[umt5_checkpoint]") {
  const Saved saved;
  TensorMap official;
  for (const auto& [name, tensor] : saved.state()) official[umt5_key_map().backward(name).value()] = tensor;
  saved.rewrite(official);
  CHECK(saved.loads_equal());
}

TEST_CASE("text encoders that are incomplete or ambiguous are refused", "[umt5_checkpoint]") {
  const Saved saved;
  auto without_embedding = saved.state();
  without_embedding.erase("shared.weight");
  saved.rewrite(without_embedding);
  CHECK_THROWS_AS(load_umt5(saved.path, torch::kFloat32, torch::kCPU), CheckpointError);

  auto two_embeddings = saved.state();
  two_embeddings["encoder.embed_tokens.weight"] = two_embeddings["shared.weight"] + 1;
  saved.rewrite(two_embeddings);
  CHECK_THROWS_AS(load_umt5(saved.path, torch::kFloat32, torch::kCPU), CheckpointError);

  auto scaled_fp8 = saved.state();
  scaled_fp8["encoder.block.0.layer.0.SelfAttention.q.scale_weight"] = torch::ones({1});
  saved.rewrite(scaled_fp8);
  CHECK_THROWS_AS(load_umt5(saved.path, torch::kFloat32, torch::kCPU), CheckpointError);
  CHECK_THROWS_AS(load_umt5("no/such/folder", torch::kFloat32, torch::kCPU), IoError);
}
