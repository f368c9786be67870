#include "lintorch/ops/rope_3d.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "test/support/gradcheck.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using namespace lintorch::test;

TEST_CASE("rope_3d_split divides the channels as Wan does", "[rope_3d]") {
  CHECK(ops::rope_3d_split(128) == std::array<int64_t, 3>{44, 42, 42});
  CHECK(ops::rope_3d_split(64) == std::array<int64_t, 3>{24, 20, 20});
  CHECK(ops::rope_3d_split(12) == std::array<int64_t, 3>{4, 4, 4});
  CHECK_THROWS_AS(ops::rope_3d_split(4), Error);
  CHECK_THROWS_AS(ops::rope_3d_split(9), Error);
}

TEST_CASE("rope_3d rotates adjacent pairs by position times frequency", "[rope_3d]") {
  const std::array<int64_t, 3> grid = {3, 2, 5};
  const int64_t K = 16;  // 8, 4, 4 channels
  torch::manual_seed(1);
  const at::Tensor x = at::randn({2, 30, 2, K}, at::kDouble);
  const at::Tensor got = ops::rope_3d(x, ops::rope_3d_table(grid, K, at::kDouble, at::kCPU), at::kDouble);
  double worst = 0;
  for (int64_t token = 0; token < 30; ++token) {
    const int64_t position[3] = {token / 10, token / 5 % 2, token % 5};
    int64_t channel = 0;
    for (int axis = 0; axis < 3; ++axis)
      for (int64_t j = 0, size = axis == 0 ? 8 : 4; j < size / 2; ++j, channel += 2) {
        const double angle = position[axis] * std::pow(10000.0, -2.0 * j / size);
        const double a = x[1][token][1][channel].item<double>(), b = x[1][token][1][channel + 1].item<double>();
        const double ra = got[1][token][1][channel].item<double>(), rb = got[1][token][1][channel + 1].item<double>();
        worst = std::max({worst, std::abs(ra - (a * std::cos(angle) - b * std::sin(angle))),
                          std::abs(rb - (a * std::sin(angle) + b * std::cos(angle)))});
      }
  }
  CHECK(worst < 1e-13);
}

TEST_CASE("rope_3d gradients equal central differences", "[rope_3d]") {
  torch::manual_seed(2);
  const at::Tensor table = ops::rope_3d_table({1, 2, 3}, 8, at::kDouble, at::kCPU);
  const double error =
      gradient_error([&](const std::vector<at::Tensor>& t) { return ops::rope_3d(t[0], table, at::kDouble); },
                     {at::randn({1, 6, 2, 8}, at::kDouble)});
  CHECK(error < 1e-8);
}

TEST_CASE("rope_3d_inverse undoes rope_3d, and its gradient is rope_3d", "[rope_3d]") {
  torch::manual_seed(3);
  const at::Tensor table = ops::rope_3d_table({1, 2, 3}, 8, at::kDouble, at::kCPU);
  const at::Tensor x = at::randn({1, 6, 2, 8}, at::kDouble).requires_grad_(true), d = at::randn_like(x);
  const at::Tensor rotated = ops::rope_3d(x.detach(), table, at::kDouble);
  CHECK(relative_error(ops::rope_3d_inverse(rotated, table, at::kDouble), x) < 1e-14);
  ops::rope_3d_inverse(x, table, at::kDouble).backward(d);
  CHECK(torch::equal(x.grad(), ops::rope_3d(d, table, at::kDouble)));
}

TEST_CASE("rope_3d refuses a table of another grid", "[rope_3d]") {
  const at::Tensor table = ops::rope_3d_table({1, 2, 3}, 8, at::kFloat, at::kCPU);
  CHECK_THROWS_AS(ops::rope_3d(at::zeros({1, 5, 2, 8}), table, at::kFloat), Error);
}
