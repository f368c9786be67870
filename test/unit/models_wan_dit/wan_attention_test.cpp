#include "lintorch/models/wan/attention.h"

#include <catch2/catch.hpp>

#include "lintorch/layers/linear_core.h"
#include "lintorch/layers/softmax_core.h"
#include "test/support/tiny_dit.h"

using namespace lintorch;

TEST_CASE("WanSelfAttention exchanges its core under the name core", "[wan_attention]") {
  const auto config = test::two_layer_config(true);
  wan::WanSelfAttention attention(config, wan::AttentionKind::kSoftmax);
  CHECK(std::dynamic_pointer_cast<layers::SoftmaxCore>(attention->core()));
  CHECK_FALSE(attention->named_parameters().contains("core.w_q"));
  const auto linear = std::make_shared<layers::LinearCore>(2, 12, config.linear_attention);
  attention->set_core(linear);
  CHECK(attention->core() == linear);
  CHECK(attention->named_parameters().contains("core.w_q"));
  attention->set_core(std::make_shared<layers::SoftmaxCore>());
  CHECK_FALSE(attention->named_parameters().contains("core.w_q"));
}

TEST_CASE("make_attention_core follows the config", "[wan_attention]") {
  auto config = test::two_layer_config(true);
  config.linear_attention.feature_map = ops::FeatureMap::kTaylor;
  const auto core = wan::make_attention_core(config, wan::AttentionKind::kLinear);
  CHECK(std::dynamic_pointer_cast<layers::LinearCore>(core)->feature_map() == ops::FeatureMap::kTaylor);
}
