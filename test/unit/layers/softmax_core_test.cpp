#include "lintorch/layers/softmax_core.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/ops/fp8_attention.h"

using namespace lintorch;

TEST_CASE("a softmax core with FP8 attends in FP8 where no gradients are recorded", "[softmax_core]") {
  torch::manual_seed(9);
  layers::SoftmaxCore core, exact;
  CHECK_FALSE(core.fp8());
  core.set_fp8(true);
  const at::Tensor x = at::randn({1, 20, 2, 16});
  CHECK(torch::equal(core.forward(x, x, x), exact.forward(x, x, x)));
  const torch::NoGradGuard no_grad;
  CHECK(torch::equal(core.forward(x, x, x), ops::fp8_attention(x, x, x)));
  core.set_fp8(false);
  CHECK(torch::equal(core.forward(x, x, x), exact.forward(x, x, x)));
}
