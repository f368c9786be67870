#include "lintorch/models/wan/dit.h"

#include <ATen/autocast_mode.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "test/support/gradcheck.h"
#include "test/support/tensor_near.h"
#include "test/support/tiny_dit.h"

using namespace lintorch;
using namespace lintorch::test;

namespace {

at::Tensor run(wan::WanDit& dit, const DitInputs& in) {
  return dit->forward(in.latent_BCTHW, in.timestep_B, in.text_BSD);
}

}  // namespace

TEST_CASE("WanDit returns an fp32 velocity of the latent's shape", "[wan_dit]") {
  const auto config = two_layer_config(true);
  auto dit = random_dit(config, 1);
  const auto in = random_dit_inputs(config, 2);
  const at::Tensor velocity = run(dit, in);
  CHECK(velocity.sizes() == in.latent_BCTHW.sizes());
  CHECK(velocity.scalar_type() == at::kFloat);
  CHECK(velocity.std().item<float>() > 0.1f);
}

TEST_CASE("WanDit treats the samples of a batch alone", "[wan_dit]") {
  const auto config = two_layer_config(true);
  auto dit = random_dit(config, 1);
  const auto in = random_dit_inputs(config, 2);
  const at::Tensor batch = run(dit, in);
  for (int64_t b = 0; b < 2; ++b) {
    const DitInputs one = {in.latent_BCTHW.narrow(0, b, 1), in.timestep_B.narrow(0, b, 1), in.text_BSD.narrow(0, b, 1)};
    CHECK(relative_error(run(dit, one), batch.narrow(0, b, 1)) < 1e-5);
  }
}

TEST_CASE("WanDit starts with a zero velocity", "[wan_dit]") {
  const auto config = two_layer_config(false);
  wan::WanDit dit(config);
  CHECK(run(dit, random_dit_inputs(config, 2)).abs().max().item<float>() == 0);
}

TEST_CASE("WanDit sees fractions of a timestep", "[wan_dit]") {
  const auto config = two_layer_config(false);
  auto dit = random_dit(config, 1);
  auto in = random_dit_inputs(config, 2);
  const at::Tensor before = run(dit, in);
  in.timestep_B = in.timestep_B + 0.25;
  CHECK(relative_error(run(dit, in), before) > 1e-4);
}

TEST_CASE("WanDit in bf16, by weights or by autocast, stays near fp32", "[wan_dit]") {
  const auto config = two_layer_config(true);
  auto dit = random_dit(config, 1);
  const auto in = random_dit_inputs(config, 2);
  const at::Tensor reference = run(dit, in);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor autocast = run(dit, in);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  CHECK(autocast.scalar_type() == at::kFloat);
  CHECK(relative_error(autocast, reference) < 3e-2);
  CHECK(relative_error(autocast, reference) > 1e-5);
  autocast.pow(2).sum().backward();
  for (const auto& item : dit->named_parameters()) {
    INFO(item.key());
    CHECK(item.value().grad().defined());
    CHECK(item.value().grad().scalar_type() == at::kFloat);
  }
  dit->to(at::kBFloat16);
  const at::Tensor low = run(dit, in);
  CHECK(low.scalar_type() == at::kFloat);
  CHECK(relative_error(low, reference) < 5e-2);
}

TEST_CASE("the residual stream is fp32 or has the format of the weights", "[wan_dit]") {
  const auto config = two_layer_config(true);
  auto dit = random_dit(config, 1);
  const auto in = random_dit_inputs(config, 2);
  const at::Tensor reference = run(dit, in);
  dit->set_residual_format(wan::ResidualFormat::kWeights);
  CHECK(at::equal(run(dit, in), reference));
  dit->to(at::kBFloat16);
  const at::Tensor rounded = run(dit, in);
  dit->set_residual_format(wan::ResidualFormat::kFp32);
  const at::Tensor wide = run(dit, in);
  CHECK_FALSE(at::equal(rounded, wide));
  CHECK(relative_error(rounded, reference) < 5e-2);
  CHECK(relative_error(wide, reference) <= relative_error(rounded, reference));
}

TEST_CASE("WanDit gradients equal central differences", "[wan_dit]") {
  const auto config = two_layer_config(true);
  auto dit = random_dit(config, 1);
  dit->to(at::kDouble);
  auto in = random_dit_inputs(config, 2);
  const double error = gradient_error(
      [&](const std::vector<at::Tensor>& t) { return dit->forward(t[0], in.timestep_B.narrow(0, 0, 1), t[1]); },
      {at::randn({1, config.in_channels, 1, 2, 6}, at::kDouble), in.text_BSD.narrow(0, 0, 1).to(at::kDouble)});
  CHECK(error < 1e-6);
}

TEST_CASE("WanDit refuses latents, timesteps and texts that do not fit", "[wan_dit]") {
  const auto config = two_layer_config(false);
  auto dit = random_dit(config, 1);
  const auto in = random_dit_inputs(config, 2);
  CHECK_THROWS_WITH(dit->forward(at::zeros({2, 4, 3, 5, 10}), in.timestep_B, in.text_BSD),
                    Catch::Contains("divisible by the patch"));
  CHECK_THROWS_AS(dit->forward(in.latent_BCTHW.narrow(1, 0, 3), in.timestep_B, in.text_BSD), Error);
  CHECK_THROWS_AS(dit->forward(in.latent_BCTHW, in.timestep_B.narrow(0, 0, 1), in.text_BSD), Error);
  CHECK_THROWS_AS(dit->forward(in.latent_BCTHW, in.timestep_B, in.text_BSD.narrow(2, 0, 9)), Error);
  auto short_config = config;
  short_config.rope_max_seq_len = 4;
  auto short_dit = random_dit(short_config, 1);
  CHECK_THROWS_WITH(run(short_dit, in), Catch::Contains("at most 4 tokens"));
  CHECK_THROWS_AS(dit->block(2), std::out_of_range);
  auto broken = config;
  broken.num_layers = 0;
  CHECK_THROWS_AS(wan::WanDit(broken), ConfigError);
}

TEST_CASE("WanDit with a prepared text returns the same bits", "[wan_dit]") {
  const auto config = two_layer_config(true);
  auto dit = random_dit(config, 1);
  const auto in = random_dit_inputs(config, 2);
  const torch::NoGradGuard no_grad;
  const auto prepared = dit->prepare_text(in.text_BSD);
  for (const double shift : {0.0, 100.0}) {
    const at::Tensor timestep = in.timestep_B + shift;
    CHECK(torch::equal(dit->forward(in.latent_BCTHW, timestep, prepared),
                       dit->forward(in.latent_BCTHW, timestep, in.text_BSD)));
  }
  const auto of_one = dit->prepare_text(in.text_BSD.narrow(0, 0, 1));
  CHECK_THROWS_AS(dit->forward(in.latent_BCTHW, in.timestep_B, of_one), Error);
  CHECK_THROWS_AS(dit->forward(in.latent_BCTHW, in.timestep_B, std::vector<wan::TextKeysValues>()), Error);
}
