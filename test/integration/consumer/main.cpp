// Uses the installed headers and library: configuration, random numbers, and one forward pass of a small Wan DiT.
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <cstdio>
#include <string>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/rng.h"
#include "lintorch/models/wan/dit.h"

struct ConsumerConfig {
  int64_t seed = 1;

  template <class V>
  void visit(V& v) {
    v("seed", seed, "noise seed");
  }
};

int main() {
  const auto config = lintorch::config_from_json<ConsumerConfig>(lintorch::Json{{"seed", 7}});
  auto generator = lintorch::make_generator(lintorch::mix_seed(config.seed, 0, 0));

  auto dit_config = lintorch::wan::tiny();
  dit_config.num_layers = 2;
  lintorch::wan::WanDit dit(dit_config);
  dit->eval();
  const auto latent_BCTHW = at::randn({1, dit_config.in_channels, 2, 4, 4}, generator);
  const auto text_BSD = at::randn({1, 3, dit_config.text_dim}, generator);
  const auto velocity_BCTHW = dit->forward(latent_BCTHW, at::tensor({500.0F}), text_BSD);

  const bool same_shape = velocity_BCTHW.sizes() == latent_BCTHW.sizes();
  bool unknown_key_refused = false;
  try {
    lintorch::config_from_json<ConsumerConfig>(lintorch::Json{{"sed", 7}});
  } catch (const lintorch::ConfigError& error) {
    unknown_key_refused = std::string(error.what()).find("seed") != std::string::npos;
  }
  std::printf("consumer: velocity shape %s, unknown key %s\n", same_shape ? "right" : "WRONG",
              unknown_key_refused ? "refused" : "ACCEPTED");
  return same_shape && unknown_key_refused ? 0 : 1;
}
