#include "lintorch/models/wan/vae_key_map.h"

#include <catch2/catch.hpp>

#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/vae.h"

namespace lintorch::wan {
TEST_CASE("layers that the published autoencoder lacks have no name", "[wan_vae_key_map]") {
  const auto key_map = vae_key_map(t2v_vae());
  CHECK_FALSE(key_map.forward("encoder.middle.3.residual.0.gamma"));
  CHECK_FALSE(key_map.forward("decoder.upsamples.15.residual.0.gamma"));
}

TEST_CASE("names of another depth map back", "[wan_vae_key_map]") {
  WanVaeConfig config = tiny_vae();
  config.attn_scales = {1.0, 0.5};
  config.num_res_blocks = 3;
  config.base_dim = 2;
  WanVae vae(config);
  const auto key_map = vae_key_map(config);
  for (const auto& [name, tensor] : layers::module_state(*vae)) {
    INFO(name);
    const auto official = key_map.backward(name);
    REQUIRE(official);
    CHECK(key_map.forward(*official) == name);
  }
}

}  // namespace lintorch::wan
