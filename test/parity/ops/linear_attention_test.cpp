#include "lintorch/ops/linear_attention.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/ops/rope_3d.h"
#include "test/support/attention_inputs.h"
#include "test/support/gradcheck.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using namespace lintorch::test;

namespace {

at::Tensor attend_with_weights(const at::Tensor& weights_BNLL, const at::Tensor& v_BLNV) {
  return at::einsum("bnij,bjnv->binv", {weights_BNLL / weights_BNLL.sum(-1, true), v_BLNV});
}

/// [L, E, E] rotation matrices of the features, from positions and frequencies: feature pair (2p, 2p + 1) of every K
/// turns by position theta^(-2j/D) along the axis that the pair belongs to.
at::Tensor rotation_matrices(const std::array<int64_t, 3>& grid, int64_t K, int64_t E) {
  const int64_t side = 2 * (K / 6), sizes[3] = {K - 2 * side, side, side}, L = grid[0] * grid[1] * grid[2];
  at::Tensor r_LEE = at::zeros({L, E, E}, at::kDouble);
  auto r = r_LEE.accessor<double, 3>();
  for (int64_t token = 0; token < L; ++token) {
    const int64_t position[3] = {token / (grid[1] * grid[2]), token / grid[2] % grid[1], token % grid[2]};
    for (int64_t e = 0; e < E; e += 2) {
      int64_t channel = e % K;
      int axis = 0;
      for (; channel >= sizes[axis]; ++axis) channel -= sizes[axis];
      const double angle =
          position[axis] * std::pow(10000.0, -static_cast<double>(channel) / static_cast<double>(sizes[axis]));
      r[token][e][e] = r[token][e + 1][e + 1] = std::cos(angle);
      r[token][e][e + 1] = -std::sin(angle);
      r[token][e + 1][e] = std::sin(angle);
    }
  }
  return r_LEE;
}

/// By its O(L^2) definition: weights of rotated features over the sum of those of unrotated ones.
at::Tensor rotated_definition(const at::Tensor& phi_q_BLNE, const at::Tensor& phi_k_BLNE, const at::Tensor& v_BLNV,
                              const at::Tensor& r_LEE) {
  const at::Tensor relative_LLEE = at::einsum("iea,jef->ijaf", {r_LEE, r_LEE});  // R_i^T R_j
  const at::Tensor weights = at::einsum("bina,ijaf,bjnf->bnij", {phi_q_BLNE, relative_LLEE, phi_k_BLNE});
  const at::Tensor sums = at::einsum("bine,bjne->bni", {phi_q_BLNE, phi_k_BLNE});
  return at::einsum("bnij,bjnv->binv", {weights / sums.unsqueeze(-1), v_BLNV});
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

TEST_CASE("rotated_linear_attention turns the features in the numerator alone", "[linear_attention]") {
  const std::array<int64_t, 3> grid = {3, 2, 5};
  for (const int64_t E : {8, 16, 24}) {  // 1, 2 and 3 heads' width of features
    const auto x = attention_inputs({2, 30, 2, E, 5, 6}, at::kDouble, 5, /*v_mean=*/3);
    const at::Tensor phi_q = at::softmax(x.q_BLNK, -1), phi_k = at::softmax(x.k_BLNK, -1);
    const at::Tensor expected = rotated_definition(phi_q, phi_k, x.v_BLNV, rotation_matrices(grid, 8, E));
    const at::Tensor table = ops::rope_3d_table(grid, 8, at::kDouble, at::kCPU);
    const at::Tensor got = ops::rotated_linear_attention(phi_q, phi_k, x.v_BLNV, table);
    // Sums of 30 terms in fp64.
    CHECK(relative_error(got, expected) < 1e-12);
    // Another function than linear_attention, also of a constant V.
    CHECK(relative_error(got, ops::linear_attention(phi_q, phi_k, x.v_BLNV)) > 0.05);
    // In fp32, with features and table of that precision: rounding of sums that cancel by less than a factor of ten.
    const at::Tensor fp32 =
        ops::rotated_linear_attention(phi_q.to(at::kFloat), phi_k.to(at::kFloat), x.v_BLNV.to(at::kFloat),
                                      ops::rope_3d_table(grid, 8, at::kFloat, at::kCPU));
    CHECK(fp32.scalar_type() == at::kFloat);
    CHECK(relative_error(fp32, expected) < 1e-6);
    // bf16 values are widened, not the sums narrowed: the error is that of rounding V and the result, 2^-9 each.
    const at::Tensor bf16 =
        ops::rotated_linear_attention(phi_q.to(at::kFloat), phi_k.to(at::kFloat), x.v_BLNV.to(at::kBFloat16),
                                      ops::rope_3d_table(grid, 8, at::kFloat, at::kCPU));
    CHECK(bf16.scalar_type() == at::kBFloat16);
    CHECK(relative_error(bf16, expected) < 4e-3);
  }
}

TEST_CASE("rotated_linear_attention at one position is linear_attention", "[linear_attention]") {
  const auto x = attention_inputs({2, 30, 2, 8, 5, 6}, at::kDouble, 6, /*v_mean=*/3);
  const at::Tensor phi_q = at::softmax(x.q_BLNK, -1), phi_k = at::softmax(x.k_BLNK, -1);
  const at::Tensor table = ops::rope_3d_table({1, 1, 31}, 8, at::kDouble, at::kCPU);
  const at::Tensor fifth = table.narrow(1, 5, 1).expand({2, 30, 1, 4});  // every token at position 5
  CHECK(relative_error(ops::rotated_linear_attention(phi_q, phi_k, x.v_BLNV, fifth),
                       ops::linear_attention(phi_q, phi_k, x.v_BLNV)) < 1e-12);
}

TEST_CASE("rotated_linear_attention does not see where the grid starts", "[linear_attention]") {
  const auto x = attention_inputs({1, 12, 2, 16, 5, 6}, at::kDouble, 7);
  const at::Tensor phi_q = at::softmax(x.q_BLNK, -1), phi_k = at::softmax(x.k_BLNK, -1);
  const at::Tensor table = ops::rope_3d_table({30, 1, 1}, 8, at::kDouble, at::kCPU);
  CHECK(relative_error(ops::rotated_linear_attention(phi_q, phi_k, x.v_BLNV, table.narrow(1, 17, 12)),
                       ops::rotated_linear_attention(phi_q, phi_k, x.v_BLNV, table.narrow(1, 0, 12))) < 1e-12);
}

TEST_CASE("rotated_linear_attention gradients equal central differences", "[linear_attention]") {
  const auto x = attention_inputs({1, 12, 2, 12, 4, 6}, at::kDouble, 8, /*v_mean=*/1);
  const at::Tensor table = ops::rope_3d_table({2, 3, 2}, 6, at::kDouble, at::kCPU);
  const double error = gradient_error(
      [&](const std::vector<at::Tensor>& t) {
        return ops::rotated_linear_attention(at::softmax(t[0], -1), at::softmax(t[1], -1), t[2], table);
      },
      {x.q_BLNK, x.k_BLNK, x.v_BLNV});
  CHECK(error < 1e-7);
}

TEST_CASE("rotated_linear_attention refuses features and tables that do not fit", "[linear_attention]") {
  const auto x = attention_inputs({1, 12, 2, 8, 4, 6}, at::kFloat, 9);
  const auto run = [&](const std::array<int64_t, 3>& grid, int64_t head_dim) {
    ops::rotated_linear_attention(x.q_BLNK.relu(), x.k_BLNK.relu(), x.v_BLNV,
                                  ops::rope_3d_table(grid, head_dim, at::kFloat, at::kCPU));
  };
  CHECK_NOTHROW(run({2, 3, 2}, 8));
  CHECK_THROWS_WITH(run({2, 3, 2}, 6), Catch::Contains("multiple of the head dim 6, got 8"));
  CHECK_THROWS_WITH(run({2, 3, 3}, 8), Catch::Contains("rotated_linear_attention: table"));
}
