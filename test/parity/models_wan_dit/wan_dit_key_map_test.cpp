#include "lintorch/models/wan/dit_key_map.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/dit.h"
#include "test/support/key_table.h"

using namespace lintorch;

TEST_CASE("names of one naming are not taken for the other's", "[wan_dit_key_map]") {
  CHECK(wan::dit_key_to_diffusers("blocks.3.norm3.weight") == "blocks.3.norm2.weight");
  CHECK_FALSE(wan::dit_key_to_diffusers("blocks.3.attn1.to_q.weight"));
  CHECK_FALSE(wan::dit_key_to_diffusers("img_emb.proj.0.weight"));
}

TEST_CASE("WanDit registers the tensors of the published 1.3B model", "[wan_dit_key_map]") {
  wan::WanDitConfig config = wan::t2v_1_3b();
  config.num_layers = 1;  // all blocks are alike
  layers::ShapeMap expected;
  for (const auto& row : test::key_table("wan_dit_1.3b"))
    if (!row.diffusers.starts_with("blocks.") || row.diffusers.starts_with("blocks.0."))
      expected[row.diffusers] = row.shape;
  CHECK(expected.size() == 42);
  CHECK(layers::shapes_of(layers::module_state(*wan::WanDit(config))) == expected);
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
  // Of image-to-video models; open_wan_dit reports it as unexpected.
  CHECK(wan::dit_state_to_diffusers({{"head.modulation", x}, {"img_emb.proj.0.weight", x}})
            .contains("img_emb.proj.0.weight"));
  CHECK_THROWS_WITH(
      wan::dit_state_to_diffusers({{"head.modulation", x}, {"blocks.0.norm3.weight", x}, {"blocks.0.norm2.weight", x}}),
      Catch::Contains("expected one tensor for blocks.0.norm2.weight"));
  CHECK_THROWS_AS(wan::dit_state_to_diffusers({{"head.modulation", x}, {"model.head.modulation", x}}), CheckpointError);
}
