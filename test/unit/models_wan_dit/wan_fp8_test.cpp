#include "lintorch/models/wan/fp8.h"

#include <catch2/catch.hpp>

#include "lintorch/layers/softmax_core.h"
#include "test/support/tensor_near.h"
#include "test/support/tiny_dit.h"

using namespace lintorch;

TEST_CASE("FP8 attention is that of the softmax layers alone, and can be switched back", "[wan_fp8]") {
  const auto config = test::two_layer_config(true);
  wan::WanDit dit = test::random_dit(config, 3);
  const auto inputs = test::random_dit_inputs(config, 4);
  const at::NoGradGuard no_grad;
  const auto velocity = [&] { return dit->forward(inputs.latent_BCTHW, inputs.timestep_B, inputs.text_BSD); };
  const at::Tensor exact = velocity();

  CHECK(wan::set_fp8_attention(dit, true) == 1);
  CHECK(std::dynamic_pointer_cast<layers::SoftmaxCore>(dit->block(0)->attn1->core())->fp8());
  const at::Tensor fp8 = velocity();
  CHECK_FALSE(at::equal(fp8, exact));
  // One of many terms of the residual stream, wrong by some 7 % of its deviation from the mean of v.
  CHECK(test::relative_error(fp8, exact) < 0.03);

  CHECK(wan::set_fp8_attention(dit, false) == 1);
  CHECK(at::equal(velocity(), exact));
}

TEST_CASE("FP8 products are those asked for last", "[wan_fp8]") {
  auto config = test::two_layer_config(true);
  config.attention_head_dim = 64;
  config.linear_attention.feature_dim = 64;
  wan::WanDit dit = test::random_dit(config, 3);
  const auto inputs = test::random_dit_inputs(config, 4);
  const at::NoGradGuard no_grad;
  const auto velocity = [&](wan::Fp8Layers which) {
    wan::quantize_wan_dit(dit, which);
    return dit->forward(inputs.latent_BCTHW, inputs.timestep_B, inputs.text_BSD);
  };
  using enum wan::Fp8Layers;
  const at::Tensor exact = velocity(kNone), feed_forward = velocity(kFeedForward), all = velocity(kAll);
  CHECK_FALSE(at::equal(feed_forward, exact));
  CHECK_FALSE(at::equal(all, feed_forward));
  CHECK(at::equal(velocity(kFeedForward), feed_forward));
  CHECK(at::equal(velocity(kNone), exact));
}
