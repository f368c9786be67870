#include "lintorch/models/wan/flops.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch;
using wan::AttentionKind;

namespace {

// Wan 1.3B at 832x480x81: 32,760 tokens, 512 text tokens.
wan::WanDitFlops count(const wan::WanDitConfig& config) { return wan::wan_dit_flops(config, 21, 60, 104, 512); }

}  // namespace

TEST_CASE("wan_dit_flops counts softmax layers as 4 L^2 D", "[wan_flops]") {
  const auto flops = count(wan::t2v_1_3b());
  CHECK(flops.softmax_attention == 30 * 4.0 * 32760 * 32760 * 1536);
  CHECK(flops.softmax_attention / 30 == Approx(6.59e12).epsilon(1e-3));
  CHECK(flops.linear_attention == 0);
  CHECK(flops.cross_attention == 30 * 4.0 * 32760 * 512 * 1536);
  // Per block 12 L D^2 + 4 S D^2 + 4 L D F; embeddings and head are below 1 % of the sum.
  CHECK(flops.projections / 30 == Approx(2.74e12).epsilon(1e-2));
  CHECK(flops.total() == flops.projections + flops.softmax_attention + flops.cross_attention);
}

TEST_CASE("wan_dit_flops counts a linear layer as 12 L K M per head", "[wan_flops]") {
  wan::WanDitConfig config = wan::t2v_1_3b();
  const auto before = count(config);
  config.attention.assign(30, AttentionKind::kSoftmax);
  config.attention[4] = AttentionKind::kLinear;
  const auto hedgehog = count(config);
  CHECK(hedgehog.linear_attention == 12.0 * 32760 * 128 * 128 * 12);
  CHECK(hedgehog.softmax_attention == Approx(before.softmax_attention * 29 / 30));
  CHECK(hedgehog.projections == before.projections);
  config.linear_attention.feature_map = ops::FeatureMap::kRelu;
  CHECK(count(config).linear_attention == 12.0 * 4 * 32760 * 128 * 128);
  config.linear_attention.feature_map = ops::FeatureMap::kTaylor;
  CHECK(count(config).linear_attention == 12.0 * 4 * 32760 * (1 + 128 + 128 * 128) * 128);
}

TEST_CASE("wan_dit_flops refuses an invalid config", "[wan_flops]") {
  wan::WanDitConfig config = wan::tiny();
  config.num_layers = 0;
  CHECK_THROWS_AS(count(config), ConfigError);
}
