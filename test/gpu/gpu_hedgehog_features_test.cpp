#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/ops/hedgehog_features.h"
#include "test/support/tensor_near.h"

using namespace lintorch;

namespace {

torch::Tensor reference(const torch::Tensor& y) {
  const auto exact = y.cpu().to(torch::kDouble);
  return torch::cat({exact.softmax(-1), (-exact).softmax(-1)}, -1);
}

}  // namespace

// fp32: the kernel uses the fast exponential, 2 ulp. bf16: one rounding of the result, 2^-9 relative.
TEST_CASE("the CUDA Hedgehog features match fp64", "[gpu_hedgehog_features]") {
  torch::manual_seed(0);
  for (const int64_t width : {32, 64, 128, 256})
    for (const int64_t rows : {1, 7, 8, 1000})
      for (const auto dtype : {torch::kFloat, torch::kBFloat16}) {
        const auto y = (torch::randn({rows, width}) * 4).to(dtype).cuda();
        const auto phi = ops::hedgehog_features(y);
        CHECK(phi.scalar_type() == dtype);
        CHECK(test::relative_error(phi, reference(y)) < (dtype == torch::kFloat ? 2e-6 : 4e-3));
        CHECK(torch::equal(phi, ops::hedgehog_features(y)));
      }
}

TEST_CASE("large inputs do not overflow", "[gpu_hedgehog_features]") {
  const auto y = torch::tensor({{1e4f, -1e4f, 0.f, 5.f}}, torch::kFloat).repeat({3, 16}).cuda();
  const auto phi = ops::hedgehog_features(y);
  CHECK(torch::isfinite(phi).all().item<bool>());
  CHECK(test::relative_error(phi, reference(y)) < 1e-5);
}

TEST_CASE("the CUDA backward matches autograd in fp64", "[gpu_hedgehog_features]") {
  torch::manual_seed(1);
  const auto y = torch::randn({500, 64}, torch::kDouble);
  const auto d_phi = torch::randn({500, 128}, torch::kDouble);
  auto exact = y.detach().clone().requires_grad_();
  torch::cat({exact.softmax(-1), (-exact).softmax(-1)}, -1).mul(d_phi).sum().backward();
  const auto phi = ops::hedgehog_features(y.detach().to(torch::kFloat).cuda());
  const auto d_y = ops::hedgehog_features_backward(phi, d_phi.to(torch::kFloat).cuda());
  CHECK(test::relative_error(d_y, exact.grad()) < 1e-5);
}
