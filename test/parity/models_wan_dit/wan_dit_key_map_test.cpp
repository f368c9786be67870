#include "lintorch/models/wan/dit_key_map.h"

#include <fmt/ranges.h>
#include <catch2/catch.hpp>

#include <fstream>
#include <set>
#include <sstream>

#include "lintorch/core/error.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/dit.h"
#include "test/support/golden.h"

using namespace lintorch;

namespace {

struct Key {
  std::string original, diffusers, shape_1_3b, shape_14b;
};

std::vector<Key> key_patterns() {
  std::ifstream file(test::test_data("wan_dit_keys.txt"));
  std::vector<Key> keys;
  for (Key key; file >> key.original >> key.diffusers >> key.shape_1_3b >> key.shape_14b;) keys.push_back(key);
  return keys;
}

std::string in_block(std::string pattern, int64_t block) {
  if (const size_t at = pattern.find("{}"); at != std::string::npos) pattern.replace(at, 2, std::to_string(block));
  return pattern;
}

// All (original, Diffusers) names of a model.
std::map<std::string, std::string> all_keys(int64_t num_blocks) {
  std::map<std::string, std::string> names;
  for (const Key& key : key_patterns())
    for (int64_t block = 0; block < num_blocks; ++block)
      names[in_block(key.original, block)] = in_block(key.diffusers, block);
  return names;
}

}  // namespace

TEST_CASE("dit_key_map is bijective on the names of both published models", "[wan_dit_key_map]") {
  for (const auto& [num_blocks, count] : std::map<int64_t, size_t>{{30, 825}, {40, 1095}}) {
    const auto names = all_keys(num_blocks);
    REQUIRE(names.size() == count);
    std::set<std::string> images;
    for (const auto& [original, diffusers] : names) {
      CHECK(wan::dit_key_to_diffusers(original) == diffusers);
      CHECK(wan::dit_key_to_original(diffusers) == original);
      images.insert(diffusers);
    }
    CHECK(images.size() == count);
  }
  CHECK(wan::dit_key_to_diffusers("blocks.3.norm3.weight") == "blocks.3.norm2.weight");
  CHECK_FALSE(wan::dit_key_to_diffusers("blocks.3.attn1.to_q.weight"));
  CHECK_FALSE(wan::dit_key_to_diffusers("img_emb.proj.0.weight"));
}

TEST_CASE("WanDit has the names and shapes of the published 1.3B model", "[wan_dit_key_map]") {
  wan::WanDitConfig config = wan::t2v_1_3b();
  config.num_layers = 1;
  const wan::WanDit dit(config);
  const TensorMap state = layers::module_state(*dit);
  CHECK(state.size() == 42);
  for (const Key& key : key_patterns()) {
    const auto it = state.find(in_block(key.diffusers, 0));
    INFO(key.diffusers);
    REQUIRE(it != state.end());
    CHECK(fmt::format("{}", fmt::join(it->second.sizes(), "x")) == key.shape_1_3b);
  }
}

TEST_CASE("dit_state_to_diffusers renames original states and strips prefixes", "[wan_dit_key_map]") {
  const at::Tensor x = at::zeros({1});
  for (const std::string prefix : {"", "model.diffusion_model.", "model.", "pipe.dit.", "dit.", "net."}) {
    const TensorMap original = {{prefix + "head.modulation", x}, {prefix + "blocks.0.norm3.bias", x}};
    CHECK(wan::has_original_dit_keys(original));
    const TensorMap renamed = wan::dit_state_to_diffusers(original);
    CHECK(renamed.contains("scale_shift_table"));
    CHECK(renamed.contains("blocks.0.norm2.bias"));
  }
  const TensorMap diffusers = {{"scale_shift_table", x}, {"blocks.0.norm2.bias", x}};
  CHECK_FALSE(wan::has_original_dit_keys(diffusers));
  CHECK(wan::dit_state_to_diffusers(diffusers).contains("blocks.0.norm2.bias"));
  CHECK_THROWS_WITH(wan::dit_state_to_diffusers({{"head.modulation", x}, {"img_emb.proj.0.weight", x}}),
                    Catch::Contains("img_emb.proj.0.weight"));
  CHECK_THROWS_AS(wan::dit_state_to_diffusers({{"head.modulation", x}, {"model.head.modulation", x}}), CheckpointError);
}
