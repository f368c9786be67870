#include "lintorch/ops/hedgehog_attention.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/ops/hedgehog_attention_definition.h"
#include "lintorch/ops/hedgehog_feature_map.h"
#include "test/support/attention_inputs.h"
#include "test/support/gradcheck.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using namespace lintorch::test;

namespace {

at::Tensor attend(const AttentionInputs& x) {
  return ops::hedgehog_attention(x.q_BLNK, x.k_BLNK, x.v_BLNV, x.w_q_NKM, x.w_k_NKM);
}

at::Tensor attend_by_definition(const AttentionInputs& x) {
  return ops::hedgehog_attention_definition(x.q_BLNK, x.k_BLNK, x.v_BLNV, x.w_q_NKM, x.w_k_NKM);
}

}  // namespace

TEST_CASE("hedgehog_attention equals its quadratic definition on odd lengths", "[hedgehog_attention]") {
  for (const int64_t L : {1, 37, 63, 64}) {
    const auto x = attention_inputs({2, L, 3, 8, 5, 6}, at::kDouble, 1 + L, /*v_mean=*/3);
    CHECK(relative_error(attend(x), attend_by_definition(x)) < 1e-12);
  }
}

TEST_CASE("hedgehog_attention in fp32 equals the fp64 definition", "[hedgehog_attention]") {
  const auto x = attention_inputs({2, 63, 3, 16, 16, 16}, at::kFloat, 5);
  const auto reference =
      attend_by_definition({x.q_BLNK.to(at::kDouble), x.k_BLNK.to(at::kDouble), x.v_BLNV.to(at::kDouble),
                            x.w_q_NKM.to(at::kDouble), x.w_k_NKM.to(at::kDouble)});
  CHECK(attend(x).scalar_type() == at::kFloat);
  CHECK(relative_error(attend(x), reference) < 1e-6);
}

TEST_CASE("hedgehog_attention gradients equal central differences", "[hedgehog_attention]") {
  for (const int64_t B : {1, 2}) {
    const auto x = attention_inputs({B, 37 / B, 2, 8, 5, 6}, at::kDouble, 7, /*v_mean=*/1);
    const double error = gradient_error(
        [](const std::vector<at::Tensor>& t) { return ops::hedgehog_attention(t[0], t[1], t[2], t[3], t[4]); },
        x.list());
    CHECK(error < 1e-7);
  }
}

TEST_CASE("hedgehog_attention gradients equal those of the definition, whichever inputs need them",
          "[hedgehog_attention]") {
  for (int mask = 1; mask < 32; ++mask) {
    auto x = attention_inputs({2, 9, 2, 6, 4, 6}, at::kDouble, 11);
    std::vector<at::Tensor> wanted;
    for (int i = 0; i < 5; ++i)
      if (mask >> i & 1) wanted.push_back(x.list()[i].set_requires_grad(true));
    const at::Tensor seed = at::randn(x.v_BLNV.sizes(), at::kDouble);
    const auto got = torch::autograd::grad({attend(x)}, wanted, {seed});
    const auto expected = torch::autograd::grad({attend_by_definition(x)}, wanted, {seed});
    for (size_t i = 0; i < wanted.size(); ++i) CHECK(relative_error(got[i], expected[i]) < 1e-11);
  }
}

TEST_CASE("hedgehog_attention accepts strided inputs", "[hedgehog_attention]") {
  torch::manual_seed(3);
  const at::Tensor fused = at::randn({2, 21, 3, 4, 8}, at::kDouble);
  auto x = attention_inputs({2, 21, 4, 8, 8, 8}, at::kDouble, 3);
  x.q_BLNK = fused.select(2, 0);
  x.k_BLNK = fused.select(2, 1);
  x.v_BLNV = fused.select(2, 2);
  CHECK(relative_error(attend(x), attend_by_definition(x)) < 1e-12);
}

TEST_CASE("hedgehog features sum to one in each half", "[hedgehog_attention]") {
  const auto x = attention_inputs({2, 31, 3, 8, 5, 6}, at::kDouble, 2, 0, /*map_scale=*/4);
  const at::Tensor phi = ops::hedgehog_feature_map(x.k_BLNK, x.w_k_NKM);
  REQUIRE(phi.size(-1) == 12);
  CHECK((phi.narrow(-1, 0, 6).sum(-1) - 1).abs().max().item<double>() < 1e-14);
  CHECK((phi.narrow(-1, 6, 6).sum(-1) - 1).abs().max().item<double>() < 1e-14);
  CHECK(phi.min().item<double>() >= 0);
  // Hence the "+" half of S holds the token sum of V.
  const at::Tensor s = at::einsum("blne,blnv->bnev", {phi, x.v_BLNV});
  CHECK(relative_error(s.narrow(2, 0, 6).sum(2), x.v_BLNV.sum(1)) < 1e-12);
}

TEST_CASE("hedgehog_attention gives convex combinations of the values", "[hedgehog_attention]") {
  const auto x = attention_inputs({2, 33, 2, 8, 8, 8}, at::kFloat, 9, /*v_mean=*/2, /*map_scale=*/3);
  const at::Tensor o = attend(x);
  const at::Tensor low = std::get<0>(x.v_BLNV.min(1, true)), high = std::get<0>(x.v_BLNV.max(1, true));
  CHECK((o >= low - 1e-5).all().item<bool>());
  CHECK((o <= high + 1e-5).all().item<bool>());
}

TEST_CASE("hedgehog_attention of a constant is that constant", "[hedgehog_attention]") {
  auto x = attention_inputs({1, 65, 2, 8, 8, 8}, at::kBFloat16, 4);
  x.v_BLNV = at::full({1, 65, 2, 8}, 3.140625, at::kBFloat16);
  CHECK((attend(x) == 3.140625).all().item<bool>());
}

TEST_CASE("hedgehog_attention permutes with its tokens", "[hedgehog_attention]") {
  auto x = attention_inputs({1, 29, 2, 8, 8, 8}, at::kDouble, 6);
  const at::Tensor o = attend(x);
  const at::Tensor order = at::randperm(29);
  for (auto* t : {&x.q_BLNK, &x.k_BLNK, &x.v_BLNV}) *t = t->index_select(1, order);
  CHECK(relative_error(attend(x), o.index_select(1, order)) < 1e-13);
}

TEST_CASE("hedgehog_attention refuses wrong shapes and dtypes", "[hedgehog_attention]") {
  const auto x = attention_inputs({1, 5, 2, 8, 8, 6}, at::kFloat, 1);
  CHECK_THROWS_AS(ops::hedgehog_attention(x.q_BLNK, x.k_BLNK.narrow(1, 0, 4), x.v_BLNV, x.w_q_NKM, x.w_k_NKM), Error);
  CHECK_THROWS_AS(ops::hedgehog_attention(x.q_BLNK, x.k_BLNK, x.v_BLNV, x.w_q_NKM, x.w_k_NKM.narrow(2, 0, 3)), Error);
  CHECK_THROWS_AS(ops::hedgehog_attention(x.q_BLNK, x.k_BLNK, x.v_BLNV, x.w_q_NKM.to(at::kDouble), x.w_k_NKM), Error);
  const auto half = attention_inputs({1, 5, 2, 8, 8, 6}, at::kHalf, 1);
  CHECK_THROWS_AS(attend(half), NotSupportedError);
  auto twice = attention_inputs({1, 5, 2, 8, 8, 6}, at::kDouble, 1);
  twice.q_BLNK.set_requires_grad(true);
  CHECK_THROWS_WITH(torch::autograd::grad({attend(twice).sum()}, {twice.q_BLNK}, {}, true, /*create_graph=*/true),
                    Catch::Contains("differentiable once"));
}
