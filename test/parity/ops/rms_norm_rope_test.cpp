#include "lintorch/ops/rms_norm_rope.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/ops/rope_3d.h"
#include "test/support/fused_kernels_guard.h"
#include "test/support/gradcheck.h"

using namespace lintorch;
using test::FusedKernelsGuard;

namespace {

at::Tensor definition(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return x / (x.pow(2).sum(-1, true) / x.size(-1) + eps).sqrt() * weight;
}

}  // namespace

TEST_CASE("RMSNorm and its rotation equal the definition", "[rms_norm_rope]") {
  torch::manual_seed(3);
  const int64_t K = 12, D = 36;
  for (const auto mode : {ops::FusedKernels::kOff, ops::FusedKernels::kAlways})
    for (const std::array<int64_t, 3>& grid : {std::array<int64_t, 3>{1, 1, 1}, {1, 7, 9}, {4, 5, 5}}) {
      const FusedKernelsGuard guard(mode);
      const int64_t L = grid[0] * grid[1] * grid[2];
      const auto wide = at::randn({2, L, 3 * D}, at::kDouble) + 2;
      const auto x = wide.narrow(2, D, D), weight = at::randn({D}, at::kDouble);
      const auto table = ops::rope_3d_table(grid, K, at::kDouble, at::kCPU);
      const auto expected = definition(x, weight, 1e-6);
      CHECK(test::relative_error(ops::rms_norm(x, weight, 1e-6, at::kDouble), expected) < 1e-13);
      const auto rotated = ops::rms_norm_rope(x, weight, table, 1e-6, at::kDouble);
      CHECK(rotated.sizes() == at::IntArrayRef{2, L, D / K, K});
      CHECK(test::relative_error(rotated, ops::rope_3d(expected.unflatten(2, {-1, K}), table, at::kDouble)) < 1e-13);
    }
}

TEST_CASE("gradients of the RMSNorm kernel formula equal central differences", "[rms_norm_rope]") {
  torch::manual_seed(4);
  const FusedKernelsGuard guard(ops::FusedKernels::kAlways);
  const auto x = at::randn({2, 6, 16}, at::kDouble), weight = at::randn({16}, at::kDouble);
  const auto table = ops::rope_3d_table({1, 2, 3}, 8, at::kDouble, at::kCPU);
  const auto rotated = [&](const std::vector<at::Tensor>& t) {
    return ops::rms_norm_rope(t[0], t[1], table, 1e-6, at::kDouble);
  };
  CHECK(test::gradient_error(rotated, {x, weight}) < 1e-8);
  const auto plain = [&](const std::vector<at::Tensor>& t) { return ops::rms_norm(t[0], t[1], 1e-6, at::kDouble); };
  CHECK(test::gradient_error(plain, {x, weight}) < 1e-8);
}

TEST_CASE("rms_norm_rope refuses what does not fit", "[rms_norm_rope]") {
  const auto table = ops::rope_3d_table({1, 2, 3}, 8, at::kFloat, at::kCPU);
  const auto x = at::zeros({2, 6, 16}), weight = at::ones({16});
  CHECK_THROWS_AS(ops::rms_norm_rope(x.narrow(1, 0, 5), weight, table, 1e-6, at::kFloat), Error);
  CHECK_THROWS_AS(ops::rms_norm_rope(x, weight.narrow(0, 0, 8), table, 1e-6, at::kFloat), Error);
  CHECK_THROWS_AS(ops::rms_norm_rope(at::zeros({2, 6, 12}), at::ones({12}), table, 1e-6, at::kFloat), Error);
  CHECK_THROWS_AS(ops::rms_norm(x, weight.narrow(0, 0, 8), 1e-6, at::kFloat), Error);
}
