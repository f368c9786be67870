#include "lintorch/ops/softmax_attention.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using namespace lintorch::test;

TEST_CASE("softmax_attention equals its definition", "[softmax_attention]") {
  torch::manual_seed(1);
  const at::Tensor q = at::randn({2, 7, 3, 8}, at::kDouble), k = at::randn({2, 11, 3, 8}, at::kDouble);
  const at::Tensor v = at::randn({2, 11, 3, 8}, at::kDouble);
  const at::Tensor weights = (at::einsum("bink,bjnk->bnij", {q, k}) / std::sqrt(8.0)).softmax(-1);
  CHECK(relative_error(ops::softmax_attention(q, k, v), at::einsum("bnij,bjnv->binv", {weights, v})) < 1e-12);
}

TEST_CASE("softmax_attention refuses wrong shapes", "[softmax_attention]") {
  const at::Tensor q = at::zeros({2, 7, 3, 8});
  CHECK_THROWS_AS(ops::softmax_attention(q, at::zeros({2, 7, 2, 8}), q), Error);
}
