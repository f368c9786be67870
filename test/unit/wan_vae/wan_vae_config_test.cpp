#include "lintorch/models/wan/vae_config.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"

namespace lintorch::wan {
namespace {

using Catch::Matchers::Contains;

WanVaeConfig read_text(const std::string& text) {
  const auto path =
      std::filesystem::temp_directory_path() / ("wan_vae_config_test_" + std::to_string(getpid()) + ".json");
  write_file_atomic(path, text);
  struct Remove {
    std::filesystem::path path;
    ~Remove() { std::filesystem::remove(path); }
  } remove{path};
  return read_vae_config(path);
}

}  // namespace

TEST_CASE("presets have the published and the miniature factors", "[wan_vae_config]") {
  CHECK(t2v_vae().temporal_factor() == 4);
  CHECK(t2v_vae().spatial_factor() == 8);
  CHECK(tiny_vae().temporal_factor() == 4);
  CHECK(tiny_vae().spatial_factor() == 4);
  CHECK_NOTHROW(t2v_vae().validate(""));
  CHECK_NOTHROW(tiny_vae().validate(""));
}

TEST_CASE("the config.json of the published model is read", "[wan_vae_config]") {
  const auto config = read_text(R"({"_class_name": "AutoencoderKLWan", "_diffusers_version": "0.33.0.dev0",
      "attn_scales": [], "base_dim": 96, "dim_mult": [1, 2, 4, 4], "dropout": 0.0, "num_res_blocks": 2,
      "temperal_downsample": [false, true, true], "z_dim": 16, "decoder_base_dim": null, "is_residual": false,
      "in_channels": 3, "out_channels": 3, "patch_size": null, "scale_factor_temporal": 4, "scale_factor_spatial": 8})");
  CHECK(config_to_json(config) == config_to_json(t2v_vae()));
}

TEST_CASE("a written config reads back equal", "[wan_vae_config]") {
  WanVaeConfig config = tiny_vae();
  config.latents_mean[3] = 0.1 + 0.2;  // needs all digits
  const Json json = vae_config_json(config);
  CHECK(json["_class_name"] == "AutoencoderKLWan");
  CHECK(json["scale_factor_spatial"] == 4);
  CHECK(json["scale_factor_temporal"] == 4);
  const auto again = read_text(json.dump());
  CHECK(config_to_json(again) == config_to_json(config));
  CHECK(again.latents_mean == config.latents_mean);
}

TEST_CASE("unknown keys and foreign models are refused", "[wan_vae_config]") {
  REQUIRE_THROWS_AS(read_text(R"({"base_dims": 96})"), ConfigError);
  REQUIRE_THROWS_WITH(read_text(R"({"_class_name": "AutoencoderKL"})"), Contains("expected AutoencoderKLWan"));
  REQUIRE_THROWS_AS(read_text(R"({"is_residual": true})"), NotSupportedError);
  REQUIRE_THROWS_AS(read_text(R"({"patch_size": 2})"), NotSupportedError);
  REQUIRE_THROWS_WITH(read_text(R"({"decoder_base_dim": 256})"), Contains("expected 96, got 256"));
}

TEST_CASE("inconsistent fields are refused with their name", "[wan_vae_config]") {
  const auto message = [](auto change) -> std::string {
    WanVaeConfig config = tiny_vae();
    change(config);
    try {
      config.validate("vae");
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK_THAT(message([](WanVaeConfig& c) { c.base_dim = 0; }), Contains("vae.base_dim"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.z_dim = 0; }), Contains("vae.z_dim"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.num_res_blocks = 0; }), Contains("vae.num_res_blocks"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.dim_mult = {}; }), Contains("vae.dim_mult"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.dim_mult[2] = -1; }), Contains("vae.dim_mult[2]"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.base_dim = c.dim_mult[1] = 1; }), Contains("at least 2 channels"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.temperal_downsample = {true}; }), Contains("3 stages (2), got 1"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.dropout = 1; }), Contains("vae.dropout"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.latents_mean.pop_back(); }), Contains("vae.latents_mean"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.latents_std.pop_back(); }), Contains("vae.latents_std"));
  CHECK_THAT(message([](WanVaeConfig& c) { c.latents_std[0] = 0; }), Contains("positive"));
}

}  // namespace lintorch::wan
