#include "lintorch/train/autocast.h"

#include <ATen/autocast_mode.h>

#include <catch2/catch.hpp>

namespace lintorch::train {
namespace {

TEST_CASE("products run in bf16 inside an autocast scope and in fp32 outside", "[autocast]") {
  const auto a = at::ones({4, 4}), b = at::ones({4, 4});
  {
    const AutocastScope scope(at::kCPU, at::kBFloat16);
    CHECK(at::matmul(a, b).scalar_type() == at::kBFloat16);
    {
      const AutocastScope inner(at::kCPU, at::kBFloat16);
      CHECK(at::matmul(a, b).scalar_type() == at::kBFloat16);
    }
    CHECK(at::matmul(a, b).scalar_type() == at::kBFloat16);
  }
  CHECK(at::matmul(a, b).scalar_type() == at::kFloat);
  const AutocastScope fp32(at::kCPU, at::kFloat);
  CHECK(at::matmul(a, b).scalar_type() == at::kFloat);
}

TEST_CASE("precision bf16 means autocast on a GPU only", "[autocast]") {
  CHECK(autocast_dtype("bf16", at::kCUDA) == at::kBFloat16);
  CHECK(autocast_dtype("bf16", at::kCPU) == at::kFloat);
  CHECK(autocast_dtype("fp32", at::kCUDA) == at::kFloat);
}

TEST_CASE("gradients reach fp32 weights through an autocast scope that follows another", "[autocast]") {
  auto w = at::ones({4, 4}).requires_grad_();
  const auto x = at::ones({2, 4});
  {
    const at::NoGradGuard no_grad;
    const AutocastScope scope(at::kCPU, at::kBFloat16);
    at::matmul(x, w);
  }
  const AutocastScope scope(at::kCPU, at::kBFloat16);
  at::matmul(x, w).sum().backward();
  REQUIRE(w.grad().defined());
  CHECK(w.grad().equal(at::full({4, 4}, 2.0f)));
}

}  // namespace
}  // namespace lintorch::train
