#include "lintorch/layers/linear_core.h"

#include <catch2/catch.hpp>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/ops/hedgehog_attention.h"
#include "lintorch/ops/hedgehog_feature_map.h"
#include "lintorch/ops/linear_attention.h"
#include "lintorch/ops/rope_3d.h"
#include "test/support/gradcheck.h"

using namespace lintorch;
using layers::FeatureMapInit;
using layers::LinearAttentionConfig;
using layers::LinearCore;
using layers::RopeOrder;
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

TEST_CASE("LinearCore with rotation after the map turns q and k back", "[linear_core]") {
  torch::manual_seed(4);
  const at::Tensor table = ops::rope_3d_table({2, 2, 3}, 8, at::kDouble, at::kCPU);
  const auto normal = [] { return at::randn({2, 12, 2, 8}, at::kDouble); };
  const at::Tensor q = normal(), k = normal(), v = normal();
  const at::Tensor rotated_q = ops::rope_3d(q, table, at::kDouble), rotated_k = ops::rope_3d(k, table, at::kDouble);
  LinearCore hedgehog(2, 8, {FeatureMap::kHedgehog, 4, FeatureMapInit::kKaiming, RopeOrder::kAfter});
  hedgehog.to(at::kDouble);
  CHECK(hedgehog.rope() == RopeOrder::kAfter);
  const auto map = [](const at::Tensor& x, const at::Tensor& w) { return ops::hedgehog_feature_map(x, w); };
  CHECK(test::relative_error(hedgehog.forward(rotated_q, rotated_k, v, table),
                             ops::rotated_linear_attention(map(q, hedgehog.w_q), map(k, hedgehog.w_k), v, table)) <
        1e-13);
  LinearCore relu(2, 8, {FeatureMap::kRelu, 64, FeatureMapInit::kIdentity, RopeOrder::kAfter});
  CHECK(test::relative_error(relu.forward(rotated_q, rotated_k, v, table),
                             ops::rotated_linear_attention(q.relu(), k.relu(), v, table)) < 1e-13);
  CHECK_THROWS_WITH(relu.forward(rotated_q, rotated_k, v), Catch::Contains("expected the table"));
}

TEST_CASE("LinearCore with rotation after the map has the gradients of central differences", "[linear_core]") {
  torch::manual_seed(5);
  const at::Tensor table = ops::rope_3d_table({2, 2, 2}, 6, at::kDouble, at::kCPU);
  LinearCore core(2, 6, {FeatureMap::kHedgehog, 6, FeatureMapInit::kKaiming, RopeOrder::kAfter});
  core.to(at::kDouble);
  const auto run = [&](const std::vector<at::Tensor>& x) {
    core.w_q = x[3];
    core.w_k = x[4];
    return core.forward(x[0], x[1], x[2], table);
  };
  const auto normal = [] { return at::randn({1, 8, 2, 6}, at::kDouble); };
  CHECK(test::gradient_error(run, {normal(), normal(), normal() + 1, core.w_q, core.w_k}) < 1e-7);
}

TEST_CASE("LinearCore with rotation after the map keeps the dtype of the values", "[linear_core]") {
  torch::manual_seed(6);
  const at::Tensor table = ops::rope_3d_table({1, 3, 3}, 8, at::kFloat, at::kCPU);
  LinearCore core(2, 8, {FeatureMap::kHedgehog, 8, FeatureMapInit::kIdentity, RopeOrder::kAfter});
  const at::Tensor x = at::randn({1, 9, 2, 8}), exact = core.forward(x, x, x, table);
  const at::Tensor rounded = x.to(at::kBFloat16), o = core.forward(rounded, rounded, rounded, table);
  CHECK(o.scalar_type() == at::kBFloat16);
  // Rounding of the inputs and of the result, 2^-9 each, and nothing between.
  CHECK(test::relative_error(o, exact) < 8e-3);
  o.sum().backward();
  CHECK(core.w_q.grad().scalar_type() == at::kFloat);
  CHECK(core.w_k.grad().abs().sum().item<float>() > 0);
}

TEST_CASE("rotation after the map is refused where features do not fill heads", "[linear_core]") {
  const auto core = [](FeatureMap map, int64_t feature_dim) {
    LinearCore(2, 8, {map, feature_dim, FeatureMapInit::kKaiming, RopeOrder::kAfter});
  };
  CHECK_NOTHROW(core(FeatureMap::kHedgehog, 4));
  CHECK_NOTHROW(core(FeatureMap::kHedgehog, 12));
  CHECK_NOTHROW(core(FeatureMap::kRelu, 3));
  CHECK_THROWS_AS(core(FeatureMap::kTaylor, 8), ConfigError);
  CHECK_THROWS_WITH(core(FeatureMap::kTaylor, 8),
                    Catch::Contains("linear_attention.rope: expected") && Catch::Contains("73 features of taylor"));
  CHECK_THROWS_WITH(core(FeatureMap::kHedgehog, 6), Catch::Contains("multiple of attention_head_dim = 8") &&
                                                        Catch::Contains("got \"after\" with the 12"));
  CHECK_THROWS_WITH(config_from_json<LinearAttentionConfig>(Json{{"rope", "inside"}}, "linear_attention"),
                    Catch::Contains("linear_attention.rope") && Catch::Contains("before"));
}
