// Against Diffusers' AutoencoderKLWan, evaluated in float64 by scripts/goldens/wan_vae.py.
#include <catch2/catch.hpp>

#include "lintorch/core/config_fields.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/vae_tiling.h"

namespace lintorch::wan {
namespace {

double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  const at::Tensor reference = expected.to(at::kDouble);
  REQUIRE(got.sizes() == reference.sizes());
  return ((got.to(at::kDouble) - reference).norm() / reference.norm()).item<double>();
}

WanVae golden_vae(const io::SafetensorsFile& golden, const std::string& name) {
  TensorMap state;
  for (const auto& [key, info] : golden.tensors())
    if (key.starts_with("model.")) state[key.substr(6)] = golden.tensor(key);
  WanVae vae(config_from_json<WanVaeConfig>(Json::parse(golden.metadata().at("config"))));
  layers::load_module_state(*vae, state, name);
  vae->eval();
  return vae;
}

}  // namespace

TEST_CASE("encoder and decoder match Diffusers", "[wan_vae_parity]") {
  const std::string name = GENERATE("wan_vae_base3", "wan_vae_mult124");
  const io::SafetensorsFile golden(std::string(LINTORCH_TEST_DATA) + "/" + name + ".safetensors");
  WanVae vae = golden_vae(golden, name);
  at::NoGradGuard no_grad;
  for (const std::string clip : {"image", "clip9", "clip17"}) {
    for (ClipMode mode : {ClipMode::kWholeClip, ClipMode::kStreaming}) {
      CAPTURE(name, clip, mode == ClipMode::kStreaming);
      // fp32 rounding of about 30 layers, up to 3e-6 on one machine; the goldens are rounded to fp32 themselves (6e-8).
      CHECK(relative_error(vae->encode_moments(golden.tensor(clip + ".video"), mode),
                           golden.tensor(clip + ".moments")) < 1e-5);
      CHECK(relative_error(vae->decode_raw(golden.tensor(clip + ".z"), mode), golden.tensor(clip + ".decoded")) < 1e-5);
    }
  }
  vae->to(at::kDouble);
  for (const std::string clip : {"image", "clip9", "clip17"}) {
    CAPTURE(name, clip);
    const auto moments = vae->encode_moments(golden.tensor(clip + ".video").to(at::kDouble));
    CHECK(relative_error(moments, golden.tensor(clip + ".moments")) < 2e-7);
    const auto decoded = vae->decode_raw(golden.tensor(clip + ".z").to(at::kDouble));
    CHECK(relative_error(decoded, golden.tensor(clip + ".decoded")) < 2e-7);
  }
}

TEST_CASE("tiled decoding matches Diffusers", "[wan_vae_parity]") {
  const io::SafetensorsFile golden(std::string(LINTORCH_TEST_DATA) + "/wan_vae_base3.safetensors");
  WanVae vae = golden_vae(golden, "wan_vae_base3");
  at::NoGradGuard no_grad;
  const TileConfig tiles{.tile_height = 32, .tile_width = 32, .stride_height = 16, .stride_width = 24};
  CHECK(relative_error(decode_raw_tiled(vae, golden.tensor("tiled.z"), tiles), golden.tensor("tiled.decoded")) < 1e-5);
}

}  // namespace lintorch::wan
