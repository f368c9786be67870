#include "lintorch/models/wan/vae_tiling.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/models/wan/vae_checkpoint.h"

namespace lintorch::wan {

using Catch::Matchers::Contains;

TEST_CASE("one tile is the whole decode", "[wan_vae_tiling]") {
  at::NoGradGuard no_grad;
  torch::manual_seed(1);
  WanVaeConfig config = tiny_vae();
  config.base_dim = 4;
  WanVae vae(config);
  vae->eval();
  const auto latent = torch::randn({1, 16, 2, 5, 7});
  CHECK(torch::equal(decode_tiled(vae, latent, {}), vae->decode(latent)));
}

TEST_CASE("tiles of the trained autoencoder show no seams", "[wan_vae_tiling]") {
  at::NoGradGuard no_grad;
  WanVae vae = load_wan_vae(std::string(LINTORCH_SOURCE_DIR) + "/configs/tiny_wan/model/vae", at::kFloat, at::kCPU);
  // A bright disc that moves over a dark canvas: content that crosses every seam.
  const auto y = torch::arange(72).view({1, 72, 1}), x = torch::arange(96).view({1, 1, 96});
  const auto centre = torch::arange(5).view({5, 1, 1}) * 8 + 28;
  const auto disc = ((x - centre).square() + (y - 36).square() < 15 * 15).to(at::kFloat);
  const auto video = (1.6 * disc - 0.8).expand({1, 3, 5, 72, 96}).contiguous();
  const auto latent = vae->encode(video);
  const auto whole = vae->decode(latent);
  const TileConfig tiles{.tile_height = 48, .tile_width = 48, .stride_height = 32, .stride_width = 32};
  const auto tiled = decode_tiled(vae, latent, tiles);
  REQUIRE(tiled.sizes() == whole.sizes());
  const double psnr_db = 10 * std::log10(4 / (tiled - whole).square().mean().item<double>());
  CAPTURE(psnr_db);
  // Bound: the tiled video is nearer to the whole one than that is to its source (29.6 dB on test clips).
  CHECK(psnr_db > 30);
}

TEST_CASE("wrong tiles are refused by name", "[wan_vae_tiling]") {
  const auto problem = [](TileConfig tiles) { tiles.validate("tiles", 8); };
  CHECK_NOTHROW(problem({}));
  CHECK_THROWS_WITH(problem({.tile_height = 100}), Contains("tiles.tile_height") && Contains("multiple of 8"));
  CHECK_THROWS_WITH(problem({.tile_width = 0}), Contains("tiles.tile_width"));
  CHECK_THROWS_WITH(problem({.tile_height = 64, .stride_height = 72}), Contains("tiles.stride_height"));
}

}  // namespace lintorch::wan
