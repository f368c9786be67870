#include "lintorch/layers/rms_norm.h"

#include <catch2/catch.hpp>

#include "test/support/tensor_near.h"

using namespace lintorch;

TEST_CASE("RmsNorm divides by the root mean square and scales", "[rms_norm]") {
  torch::manual_seed(1);
  layers::RmsNorm norm(16, 1e-6);
  {
    const at::NoGradGuard no_grad;
    norm->weight.uniform_(0.5, 2);
  }
  const at::Tensor x = at::randn({2, 3, 16}) * 5;
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor expected = wide * (wide.pow(2).mean(-1, true) + 1e-6).rsqrt() * norm->weight;
  CHECK(test::relative_error(norm->forward(x), expected) < 1e-6);

  const at::Tensor low = norm->forward(x.to(at::kBFloat16));
  CHECK(low.scalar_type() == at::kFloat);
  CHECK(test::relative_error(low, expected) < 4e-3);
}
