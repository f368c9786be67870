#include "lintorch/models/wan/vae_checkpoint.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include "lintorch/core/error.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/vae_key_map.h"

namespace lintorch::wan {
namespace {

using Catch::Matchers::Contains;

/// A folder of its own that is removed at the end.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("wan_vae_checkpoint_test_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

WanVae small_vae() {
  torch::manual_seed(5);
  WanVaeConfig config = tiny_vae();
  config.base_dim = 2;
  return WanVae(config);
}

void check_equal(WanVae& a, WanVae& b) {
  const TensorMap x = layers::module_state(*a), y = layers::module_state(*b);
  REQUIRE(x.size() == y.size());
  for (const auto& [name, tensor] : x) {
    INFO(name);
    CHECK(at::equal(tensor, y.at(name)));
  }
}

}  // namespace

TEST_CASE("a saved autoencoder loads bit-equal, with its latent statistics", "[wan_vae_checkpoint]") {
  Folder folder;
  WanVae vae = small_vae();
  std::vector<double> mean(16), std(16);
  for (int i = 0; i < 16; ++i) {
    mean[i] = 0.1 * i;
    std[i] = 1.0 / (i + 3);
  }
  vae->set_latent_statistics(mean, std);
  save_wan_vae(folder.path(), vae, at::kFloat);
  WanVae loaded = load_wan_vae(folder.path(), at::kFloat, at::kCPU);
  check_equal(vae, loaded);
  CHECK_FALSE(loaded->is_training());
  CHECK(loaded->config().latents_mean == mean);
  CHECK(loaded->config().latents_std == std);
  const auto latent = torch::randn({1, 16, 2, 2, 3});
  at::NoGradGuard no_grad;
  CHECK(at::equal(vae->decode(latent), loaded->decode(latent)));
}

TEST_CASE("the dtype of the file and of the model are free", "[wan_vae_checkpoint]") {
  Folder folder;
  WanVae vae = small_vae();
  save_wan_vae(folder.path(), vae, at::kBFloat16);
  WanVae loaded = load_wan_vae(folder.path(), at::kFloat, at::kCPU);
  const auto weight = vae->parameters()[0], rounded = loaded->parameters()[0];
  CHECK(rounded.scalar_type() == at::kFloat);
  CHECK(at::equal(weight.to(at::kBFloat16).to(at::kFloat), rounded));
}

TEST_CASE("a file with official names is renamed", "[wan_vae_checkpoint]") {
  Folder folder;
  WanVae vae = small_vae();
  save_wan_vae(folder.path(), vae, at::kFloat);
  const auto key_map = vae_key_map(vae->config());
  TensorMap official;
  for (const auto& [name, tensor] : layers::module_state(*vae)) official[*key_map.backward(name)] = tensor;
  io::write_checkpoint(folder.path(), "diffusion_pytorch_model", official);
  WanVae loaded = load_wan_vae(folder.path(), at::kFloat, at::kCPU);
  check_equal(vae, loaded);

  official["encoder.other.weight"] = torch::zeros({1});
  io::write_checkpoint(folder.path(), "diffusion_pytorch_model", official);
  REQUIRE_THROWS_WITH(load_wan_vae(folder.path(), at::kFloat, at::kCPU), Contains("encoder.other.weight"));
}

TEST_CASE("a checkpoint that does not fit is refused", "[wan_vae_checkpoint]") {
  Folder folder;
  REQUIRE_THROWS_AS(load_wan_vae(folder.path(), at::kFloat, at::kCPU), IoError);
  WanVae vae = small_vae();
  save_wan_vae(folder.path(), vae, at::kFloat);
  TensorMap state = layers::module_state(*vae);
  state.erase("quant_conv.bias");
  io::write_checkpoint(folder.path(), "diffusion_pytorch_model", state);
  REQUIRE_THROWS_AS(load_wan_vae(folder.path(), at::kFloat, at::kCPU), CheckpointError);
  REQUIRE_THROWS_WITH(load_wan_vae(folder.path(), at::kFloat, at::kCPU), Contains("quant_conv.bias"));
}

}  // namespace lintorch::wan
