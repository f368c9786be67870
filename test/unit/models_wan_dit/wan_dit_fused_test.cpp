#include <catch2/catch.hpp>

#include "test/support/fused_kernels_guard.h"
#include "test/support/tensor_near.h"
#include "test/support/tiny_dit.h"

using namespace lintorch;

// In fp64 the composition and the kernels' formulas with their hand-written gradients differ by rounding only.
TEST_CASE("the transformer through the kernels' formulas equals the composition", "[wan_dit_fused]") {
  for (const bool cross_attn_norm : {true, false}) {
    auto config = test::two_layer_config(true);
    config.cross_attn_norm = cross_attn_norm;
    const auto inputs = test::random_dit_inputs(config, 2);
    const auto run = [&](ops::FusedKernels mode) {
      const test::FusedKernelsGuard guard(mode);
      auto dit = test::random_dit(config, 1);
      dit->to(at::kDouble);
      const auto velocity = dit->forward(inputs.latent_BCTHW, inputs.timestep_B, inputs.text_BSD);
      velocity.square().sum().backward();
      std::vector<std::pair<std::string, at::Tensor>> results = {{"velocity", velocity}};
      for (const auto& parameter : dit->named_parameters()) results.emplace_back(parameter.key(), parameter->grad());
      return results;
    };
    const auto expected = run(ops::FusedKernels::kOff), got = run(ops::FusedKernels::kAlways);
    for (size_t i = 0; i < expected.size(); ++i) {
      INFO(expected[i].first);
      CHECK(test::relative_error(got[i].second, expected[i].second) < 1e-10);
    }
  }
}
