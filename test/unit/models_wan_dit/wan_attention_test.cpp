#include "lintorch/models/wan/attention.h"

#include <catch2/catch.hpp>

#include "lintorch/layers/linear_core.h"
#include "lintorch/layers/softmax_core.h"
#include "lintorch/ops/rope_3d.h"
#include "test/support/tensor_near.h"
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

TEST_CASE("self-attention with rotation after the map is its O(L^2) definition", "[wan_attention]") {
  auto config = test::two_layer_config(true);
  config.linear_attention.rope = layers::RopeOrder::kAfter;
  torch::manual_seed(1);
  wan::WanSelfAttention attention(config, wan::AttentionKind::kLinear);
  attention->to(at::kDouble);
  const auto core = std::dynamic_pointer_cast<layers::LinearCore>(attention->core());
  const at::NoGradGuard no_grad;
  core->w_q.normal_();
  core->w_k.normal_();
  const at::Tensor x_BLD = at::randn({2, 30, 24}, at::kDouble);
  const at::Tensor table = ops::rope_3d_table({3, 2, 5}, 12, at::kDouble, at::kCPU);
  const at::Tensor got = attention->forward(x_BLD, table);

  // Unrotated q and k from the projections; the rotation as multiplication of complex numbers, real part of q k*.
  const auto phi = [&](torch::nn::Linear& projection, const layers::RmsNorm& norm, const at::Tensor& w_NKM) {
    const at::Tensor x = projection->forward(x_BLD);
    const at::Tensor normed = x / (x.square().mean(-1, true) + norm->eps()).sqrt() * norm->weight;
    const at::Tensor y = at::einsum("blnk,nkm->blnm", {normed.unflatten(-1, {2, 12}), w_NKM});
    return at::cat({y.softmax(-1), (-y).softmax(-1)}, -1);
  };
  const at::Tensor phi_q = phi(attention->to_q, attention->norm_q, core->w_q);
  const at::Tensor phi_k = phi(attention->to_k, attention->norm_k, core->w_k);
  const at::Tensor turns = table[0].repeat({1, 1, 2});  // [L, 1, 12]: 24 features, the head's table twice
  const auto turned = [&](const at::Tensor& x) {
    return at::view_as_complex(x.unflatten(-1, {12, 2}).contiguous()) * turns;
  };
  const at::Tensor weights = at::real(at::einsum("binp,bjnp->bnij", {turned(phi_q), turned(phi_k).conj()}));
  const at::Tensor sums = at::einsum("bine,bjne->bni", {phi_q, phi_k});
  const at::Tensor v = attention->to_v->forward(x_BLD).unflatten(-1, {2, 12});
  const at::Tensor o = at::einsum("bnij,bjnv->binv", {weights / sums.unsqueeze(-1), v}).flatten(2);
  CHECK(test::relative_error(got, attention->to_out->forward(o)) < 1e-12);
}
