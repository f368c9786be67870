#include "lintorch/ops/residual_layer_norm.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "test/support/fused_kernels_guard.h"
#include "test/support/gradcheck.h"

using namespace lintorch;
using test::FusedKernelsGuard;

namespace {

struct Inputs {
  at::Tensor x, update, gate, shift, scale;
};

Inputs random_inputs(int64_t B, int64_t L, int64_t D, int64_t parameters, double x_mean = 0) {
  torch::manual_seed(L + D);
  const auto options = at::TensorOptions(at::kDouble);
  return {at::randn({B, L, D}, options) + x_mean, at::randn({B, L, D}, options), at::randn({parameters, 1, D}, options),
          at::randn({parameters, 1, D}, options), at::randn({parameters, 1, D}, options) + 1};
}

// The definition in another algebra than the implementations': sums over explicit rows.
at::Tensor definition(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale, double eps) {
  const double D = static_cast<double>(x.size(2));
  const at::Tensor mean = x.sum(2, true) / D;
  const at::Tensor variance = x.pow(2).sum(2, true) / D - mean * mean;
  return (x - mean) / (variance + eps).sqrt() * scale + shift;
}

at::Tensor both(const ops::ResidualNorm& r) { return at::cat({r.x_BLD, r.h_BLD * 0.7}, 2); }

}  // namespace

TEST_CASE("composition and kernel formula equal the definition", "[residual_layer_norm]") {
  for (const auto mode : {ops::FusedKernels::kOff, ops::FusedKernels::kAlways})
    for (const int64_t L : {1, 7, 100})
      for (const int64_t parameters : {1, 2}) {
        const FusedKernelsGuard guard(mode);
        const auto in = random_inputs(2, L, 24, parameters, 3.0);
        const auto expected_x = in.x + in.update * in.gate;
        const auto got =
            ops::residual_layer_norm(in.x, ops::GatedUpdate{in.update, in.gate}, in.shift, in.scale, 1e-6, at::kDouble);
        CHECK(test::relative_error(got.x_BLD, expected_x) < 1e-14);
        CHECK(test::relative_error(got.h_BLD, definition(expected_x, in.shift, in.scale, 1e-6)) < 1e-12);
        CHECK(test::relative_error(ops::gated_residual(in.x, {in.update, {}}), in.x + in.update) < 1e-14);
        const auto shift = in.shift[0][0], scale = in.scale[0][0];
        CHECK(test::relative_error(ops::layer_norm_modulate(in.x, shift, scale, 1e-6, at::kDouble),
                                   definition(in.x, shift, scale, 1e-6)) < 1e-12);
      }
}

TEST_CASE("gradients of the kernel formula equal central differences", "[residual_layer_norm]") {
  const FusedKernelsGuard guard(ops::FusedKernels::kAlways);
  for (const int64_t parameters : {1, 2}) {
    const auto in = random_inputs(2, 5, 8, parameters, 0.5);
    const auto step = [](const std::vector<at::Tensor>& t) {
      return both(ops::residual_layer_norm(t[0], ops::GatedUpdate{t[1], t[2]}, t[3], t[4], 1e-6, at::kDouble));
    };
    CHECK(test::gradient_error(step, {in.x, in.update, in.gate, in.shift, in.scale}) < 1e-8);
    const auto ungated = [](const std::vector<at::Tensor>& t) {
      return both(ops::residual_layer_norm(t[0], ops::GatedUpdate{t[1], {}}, t[2], t[3], 1e-6, at::kDouble));
    };
    CHECK(test::gradient_error(ungated, {in.x, in.update, in.shift, in.scale}) < 1e-8);
    CHECK(test::gradient_error(ungated, {in.x, in.update, in.shift[0][0], in.scale[0][0]}) < 1e-8);
    const auto passing = [](const std::vector<at::Tensor>& t) {
      return both(ops::residual_layer_norm(t[0], std::nullopt, t[1], t[2], 1e-6, at::kDouble));
    };
    CHECK(test::gradient_error(passing, {in.x, in.shift, in.scale}) < 1e-8);
    const auto norm = [](const std::vector<at::Tensor>& t) {
      return ops::layer_norm_modulate(t[0], t[1], t[2], 1e-6, at::kDouble);
    };
    CHECK(test::gradient_error(norm, {in.x, in.shift, in.scale}) < 1e-8);
    const auto residual = [](const std::vector<at::Tensor>& t) { return ops::gated_residual(t[0], {t[1], t[2]}); };
    CHECK(test::gradient_error(residual, {in.x, in.update, in.gate}) < 1e-8);
  }
}

TEST_CASE("an output without use, frozen inputs and no-grad mode", "[residual_layer_norm]") {
  const FusedKernelsGuard guard(ops::FusedKernels::kAlways);
  auto in = random_inputs(2, 5, 8, 2);
  const auto step = [&] {
    return ops::residual_layer_norm(in.x, ops::GatedUpdate{in.update, in.gate}, in.shift, in.scale, 1e-6, at::kDouble);
  };
  CHECK_FALSE(step().h_BLD.requires_grad());
  in.gate.requires_grad_();
  step().x_BLD.sum().backward();
  CHECK(test::relative_error(in.gate.grad(), in.update.sum(1, true)) < 1e-12);
  in.gate.mutable_grad().reset();
  in.scale.requires_grad_();
  step().h_BLD.sum().backward();
  CHECK(in.gate.grad().defined());
  CHECK(in.scale.grad().sizes() == in.scale.sizes());
  const at::NoGradGuard no_grad;
  CHECK_FALSE(step().h_BLD.requires_grad());
}

TEST_CASE("residual_layer_norm refuses other shapes and second derivatives", "[residual_layer_norm]") {
  auto in = random_inputs(2, 5, 8, 2);
  const auto narrow = at::zeros({2, 1, 7}, at::kDouble), three = at::zeros({3, 1, 8}, at::kDouble);
  CHECK_THROWS_AS(ops::layer_norm_modulate(in.x, narrow, in.scale, 1e-6, at::kDouble), Error);
  CHECK_THROWS_AS(ops::layer_norm_modulate(in.x, in.shift, three, 1e-6, at::kDouble), Error);
  CHECK_THROWS_AS(ops::layer_norm_modulate(in.x[0], in.shift, in.scale, 1e-6, at::kDouble), Error);
  CHECK_THROWS_AS(ops::gated_residual(in.x, {in.update.narrow(1, 0, 4), in.gate}), Error);
  CHECK_THROWS_AS(ops::gated_residual(in.x, {in.update, three}), Error);
  const FusedKernelsGuard guard(ops::FusedKernels::kAlways);
  in.x.requires_grad_();
  const auto y = ops::gated_residual(in.x, {in.update, in.gate}).square().sum();
  CHECK_THROWS_AS(torch::autograd::grad({y}, {in.x}, {}, true, true), Error);
}
