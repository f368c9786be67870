#include "lintorch/layers/linear_core.h"

#include <catch2/catch.hpp>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/ops/hedgehog_attention.h"
#include "lintorch/ops/linear_attention.h"

using namespace lintorch;
using layers::FeatureMapInit;
using layers::LinearAttentionConfig;
using layers::LinearCore;
using ops::FeatureMap;

TEST_CASE("LinearCore holds hedgehog weights by init", "[linear_core]") {
  const LinearCore identity(2, 8, {FeatureMap::kHedgehog, 8, FeatureMapInit::kIdentity});
  CHECK(torch::equal(identity.named_parameters()["w_q"], at::eye(8).expand({2, 8, 8})));
  torch::manual_seed(1);
  const LinearCore kaiming(2, 8, {FeatureMap::kHedgehog, 4, FeatureMapInit::kKaiming});
  const at::Tensor w_k = kaiming.named_parameters()["w_k"];
  CHECK(w_k.sizes() == at::IntArrayRef({2, 8, 4}));
  CHECK(w_k.abs().max().item<float>() <= 1 / std::sqrt(8.0f));
  CHECK(w_k.abs().max().item<float>() > 0.25f);
  CHECK_THROWS_AS(LinearCore(2, 8, {FeatureMap::kHedgehog, 4, FeatureMapInit::kIdentity}), ConfigError);
}

TEST_CASE("LinearCore runs the map of its config", "[linear_core]") {
  torch::manual_seed(2);
  const at::Tensor q = at::randn({1, 9, 2, 8}), k = at::randn({1, 9, 2, 8}), v = at::randn({1, 9, 2, 8});
  LinearCore hedgehog(2, 8, {FeatureMap::kHedgehog, 4, FeatureMapInit::kKaiming});
  CHECK(torch::equal(hedgehog.forward(q, k, v), ops::hedgehog_attention(q, k, v, hedgehog.w_q, hedgehog.w_k)));
  LinearCore relu(2, 8, {FeatureMap::kRelu, 64, FeatureMapInit::kIdentity});
  CHECK(relu.parameters().empty());
  CHECK(torch::equal(relu.forward(q, k, v),
                     ops::linear_attention(ops::relu_feature_map(q), ops::relu_feature_map(k), v)));
  LinearCore taylor(2, 8, {FeatureMap::kTaylor, 64, FeatureMapInit::kIdentity});
  CHECK(torch::equal(taylor.forward(q, k, v),
                     ops::linear_attention(ops::taylor_feature_map(q), ops::taylor_feature_map(k), v)));
}

TEST_CASE("LinearCore trains its weights in the precision of the values", "[linear_core]") {
  torch::manual_seed(3);
  LinearCore core(2, 8, {FeatureMap::kHedgehog, 8, FeatureMapInit::kIdentity});
  const at::Tensor x = at::randn({1, 9, 2, 8}).to(at::kBFloat16);
  const at::Tensor o = core.forward(x, x, x);
  CHECK(o.scalar_type() == at::kBFloat16);
  o.sum().backward();
  CHECK(core.w_q.grad().scalar_type() == at::kFloat);
  CHECK(core.w_k.grad().abs().sum().item<float>() > 0);
}

TEST_CASE("LinearAttentionConfig refuses an empty map", "[linear_core]") {
  CHECK_THROWS_WITH(config_from_json<LinearAttentionConfig>(Json{{"feature_dim", 0}}, "linear_attention"),
                    Catch::Contains("linear_attention.feature_dim"));
}
