#include "lintorch/layers/fp8_weight.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "lintorch/layers/precision.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using namespace lintorch::layers;

namespace {

// Rounds to e4m3 by its definition: 3 bits of mantissa, exponents down to 2^-6, then steps of 2^-9.
double round_e4m3(double x) {
  const double magnitude = std::abs(x);
  const double step = magnitude < std::pow(2, -6) ? std::pow(2, -9) : std::pow(2, std::floor(std::log2(magnitude)) - 3);
  return std::copysign(std::nearbyint(magnitude / step) * step, x);
}

}  // namespace

TEST_CASE("rows are scaled to the range of e4m3 and rounded to it", "[quantize_rows]") {
  torch::manual_seed(3);
  at::Tensor x = torch::randn({5, 64}) * torch::tensor({1e-4, 1.0, 30.0, 1e4, 1.0}).to(torch::kFloat).unsqueeze(1);
  x[4].zero_();
  for (const auto activation : {ops::RowActivation::kNone, ops::RowActivation::kGeluTanh}) {
    const auto rows = ops::quantize_rows(x, activation);
    const at::Tensor y = activation == ops::RowActivation::kNone ? x : at::gelu(x, "tanh");
    for (int64_t row = 0; row < 5; ++row) {
      const float largest = y[row].abs().max().item<float>();
      const float scale = rows.scale_R1[row].item<float>();
      CHECK(scale == Approx(largest == 0 ? 1.0f : largest / 448));
      for (int64_t k = 0; k < 64; ++k) {
        const float got = rows.values_RK[row][k].to(torch::kFloat).item<float>();
        CHECK(got == static_cast<float>(round_e4m3(static_cast<double>(y[row][k].item<float>() / scale))));
      }
    }
  }
}

TEST_CASE("a layer with an FP8 weight stays near its own product, and trains with its own weight", "[fp8_weight]") {
  torch::manual_seed(4);
  torch::nn::Linear in(64, 128), out(128, 64), twin(64, 32);
  const at::Tensor x = torch::randn({2, 7, 64});
  const at::Tensor exact = apply_linear(in, x).detach();
  const at::Tensor exact_ffn = apply_feed_forward(in, out, x).detach();
  CHECK(torch::equal(exact_ffn, at::linear(at::gelu(exact, "tanh"), out->weight, out->bias)));
  for (torch::nn::Linear linear : {in, out, twin}) add_fp8_weight(*linear);

  CHECK(torch::equal(apply_linear(in, x), exact));  // gradients are recorded
  const torch::NoGradGuard no_grad;
  // Two roundings to 3 bits, each 2.6 % rms of what it rounds: 3.7 % in the product of independent terms.
  CHECK(test::relative_error(apply_linear(in, x).to(torch::kFloat), exact) < 0.045);
  CHECK(test::relative_error(apply_linear(in, x).to(torch::kFloat), exact) > 0.01);
  // The bias is a third of this layer's output, the errors of both products add.
  CHECK(test::relative_error(apply_feed_forward(in, out, x).to(torch::kFloat), exact_ffn) < 0.06);
  CHECK(apply_linear(in, x).sizes() == exact.sizes());
  CHECK(apply_linear(in, x).scalar_type() == torch::kBFloat16);

  LinearInput shared(x);
  CHECK(torch::equal(apply_linear(in, shared), apply_linear(in, x)));
  CHECK(torch::equal(apply_linear(twin, shared), apply_linear(twin, x)));

  // Quantized again after a change of the weight.
  in->weight.mul_(2);
  const at::Tensor before = apply_linear(in, x);
  add_fp8_weight(*in);
  CHECK_FALSE(torch::equal(apply_linear(in, x), before));
}
