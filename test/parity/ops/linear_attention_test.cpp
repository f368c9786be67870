#include "lintorch/ops/linear_attention.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "test/support/attention_inputs.h"
#include "test/support/gradcheck.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using namespace lintorch::test;

namespace {

at::Tensor attend_with_weights(const at::Tensor& weights_BNLL, const at::Tensor& v_BLNV) {
  return at::einsum("bnij,bjnv->binv", {weights_BNLL / weights_BNLL.sum(-1, true), v_BLNV});
}

}  // namespace

TEST_CASE("linear_attention with the Taylor map weighs by 1 + s + s^2/2", "[linear_attention]") {
  const auto x = attention_inputs({2, 37, 2, 6, 5, 6}, at::kDouble, 1, /*v_mean=*/3);
  const at::Tensor s = at::einsum("bink,bjnk->bnij", {x.q_BLNK, x.k_BLNK}) / std::sqrt(6.0);
  const at::Tensor expected = attend_with_weights(1 + s + 0.5 * s * s, x.v_BLNV);
  const at::Tensor got =
      ops::linear_attention(ops::taylor_feature_map(x.q_BLNK), ops::taylor_feature_map(x.k_BLNK), x.v_BLNV);
  CHECK(relative_error(got, expected) < 1e-12);
}

TEST_CASE("linear_attention with the ReLU map weighs by relu(q).relu(k)", "[linear_attention]") {
  // 32 channels: every query keeps a feature.
  const auto x = attention_inputs({2, 37, 2, 32, 5, 6}, at::kDouble, 2, /*v_mean=*/3);
  const at::Tensor weights = at::einsum("bink,bjnk->bnij", {x.q_BLNK.relu(), x.k_BLNK.relu()});
  const at::Tensor got =
      ops::linear_attention(ops::relu_feature_map(x.q_BLNK), ops::relu_feature_map(x.k_BLNK), x.v_BLNV);
  CHECK(relative_error(got, attend_with_weights(weights, x.v_BLNV)) < 1e-12);
}

TEST_CASE("linear_attention gradients equal central differences", "[linear_attention]") {
  const auto x = attention_inputs({1, 13, 2, 6, 4, 6}, at::kDouble, 3, /*v_mean=*/1);
  const double error = gradient_error(
      [](const std::vector<at::Tensor>& t) {
        return ops::linear_attention(ops::taylor_feature_map(t[0]), ops::taylor_feature_map(t[1]), t[2]);
      },
      {x.q_BLNK, x.k_BLNK, x.v_BLNV});
  CHECK(error < 1e-7);
}

TEST_CASE("linear_attention gives the mean of V to a query without features", "[linear_attention]") {
  const auto x = attention_inputs({1, 9, 2, 6, 4, 6}, at::kFloat, 4);
  const at::Tensor o = ops::linear_attention(at::zeros_like(x.q_BLNK), x.k_BLNK.relu(), x.v_BLNV);
  CHECK(relative_error(o, x.v_BLNV.mean(1, true).expand_as(o)) < 1e-6);
}

TEST_CASE("linear_attention refuses wrong shapes", "[linear_attention]") {
  const auto x = attention_inputs({1, 9, 2, 6, 4, 6}, at::kFloat, 4);
  CHECK_THROWS_AS(ops::linear_attention(x.q_BLNK, x.k_BLNK.narrow(3, 0, 3), x.v_BLNV), Error);
}
