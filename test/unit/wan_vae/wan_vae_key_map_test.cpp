#include "lintorch/models/wan/vae_key_map.h"

#include <fmt/ranges.h>

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

#include "lintorch/core/tensor_map.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/vae.h"

namespace lintorch::wan {
namespace {

struct Row {
  std::string official, diffusers, shape;
};

/// The 194 tensors of the published autoencoder.
std::vector<Row> published_tensors() {
  std::ifstream file(LINTORCH_TEST_DATA "/wan_vae_keys.tsv");
  std::string line;
  std::getline(file, line);
  std::vector<Row> rows;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    Row row;
    std::getline(cells, row.official, '\t');
    std::getline(cells, row.diffusers, '\t');
    std::getline(cells, row.shape, '\t');
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

TEST_CASE("official and Diffusers names map both ways", "[wan_vae_key_map]") {
  const auto rows = published_tensors();
  REQUIRE(rows.size() == 194);
  const auto key_map = vae_key_map(t2v_vae());
  std::vector<std::string> official;
  for (const auto& row : rows) {
    CHECK(key_map.forward(row.official) == row.diffusers);
    CHECK(key_map.backward(row.diffusers) == row.official);
    official.push_back(row.official);
  }
  CHECK_NOTHROW(key_map.check_bijection(official));
  CHECK_FALSE(key_map.forward("encoder.middle.3.residual.0.gamma"));
  CHECK_FALSE(key_map.forward("decoder.upsamples.15.residual.0.gamma"));
}

TEST_CASE("the published model has these names and shapes", "[wan_vae_key_map]") {
  WanVae vae(t2v_vae());
  TensorMap state = layers::module_state(*vae);
  int64_t num_parameters = 0;
  for (const auto& row : published_tensors()) {
    INFO(row.diffusers);
    REQUIRE(state.contains(row.diffusers));
    CHECK(fmt::format("{}", fmt::join(state[row.diffusers].sizes(), "x")) == row.shape);
    num_parameters += state[row.diffusers].numel();
    state.erase(row.diffusers);
  }
  CHECK(state.empty());
  CHECK(num_parameters == 126'892'531);
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
