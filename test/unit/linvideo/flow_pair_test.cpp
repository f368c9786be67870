#include "lintorch/linvideo/flow_pair.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/rng.h"
#include "lintorch/linvideo/distribution_matching.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

StateBatch make_batch() {
  torch::manual_seed(5);
  StateBatch batch;
  batch.x_BCTHW = torch::randn({3, 2, 1, 2, 2}, torch::kDouble);
  batch.t_B = torch::tensor({0.9, 0.5, 0.1}, torch::kDouble);
  batch.text_BSD = torch::zeros({3, 1, 1}, torch::kDouble);
  return batch;
}

at::Tensor over_samples(const at::Tensor& value_B) { return value_B.reshape({-1, 1, 1, 1, 1}); }

/// Intercept and slope of the least-squares line of y over x.
std::pair<double, double> line(const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor dx = x - x.mean();
  const double slope = ((dx * y).sum() / (dx * dx).sum()).item<double>();
  return {y.mean().item<double>() - slope * x.mean().item<double>(), slope};
}

/// Velocity of N(mean, deviation^2) data at time t: intercept and slope over x.
std::pair<double, double> gaussian_velocity(double mean, double deviation, double t) {
  const double var = deviation * deviation, v = (1 - t) * (1 - t) * var + t * t;
  const double slope = (t - (1 - t) * var) / v;
  return {-mean - slope * (1 - t) * mean, slope};
}

}  // namespace

TEST_CASE("both pairs lie on the path from the student's x^_0 along their velocity", "[flow_pair]") {
  const StateBatch batch = make_batch();
  const at::Tensor velocity_hat = torch::randn_like(batch.x_BCTHW).requires_grad_(true);
  const at::Tensor x0_hat = (batch.x_BCTHW - over_samples(batch.t_B) * velocity_hat).detach();
  auto generator = make_generator(1);
  const at::Tensor t = batch.t_B / 2;
  const FlowPair euler = euler_pair(batch, velocity_hat, t, generator);
  const FlowPair renoised = renoised_pair(clean_estimate(batch, velocity_hat), batch.text_BSD, 0.2, 0.6, 3, generator);
  for (const FlowPair& pair : {euler, renoised}) {
    CHECK_FALSE(pair.x_BCTHW.requires_grad());
    CHECK_FALSE(pair.velocity_BCTHW.requires_grad());
    CHECK(torch::allclose(pair.x_BCTHW - over_samples(pair.t_B) * pair.velocity_BCTHW, x0_hat));
  }
  CHECK(torch::equal(euler.velocity_BCTHW, velocity_hat));
  CHECK((euler.t_B >= t).all().item<bool>());
  CHECK((euler.t_B <= batch.t_B).all().item<bool>());
  CHECK((renoised.t_B >= 0.2).all().item<bool>());
  CHECK((renoised.t_B <= 0.6).all().item<bool>());
  CHECK(torch::equal(euler_pair(batch, velocity_hat, batch.t_B, generator).t_B, batch.t_B));
}

TEST_CASE("the regression on renoised pairs of Gaussian samples is the analytic velocity", "[flow_pair]") {
  const double mean = 0.4, deviation = 0.6, t = 0.35;
  torch::manual_seed(3);
  StateBatch batch;
  batch.t_B = torch::ones({1}, torch::kDouble);
  batch.x_BCTHW = torch::randn({1, 1, 1, 1000, 1000}, torch::kDouble);
  const at::Tensor x0 = mean + deviation * torch::randn_like(batch.x_BCTHW);
  auto generator = make_generator(4);
  const FlowPair pair = renoised_pair(x0, at::Tensor(), t - 1e-9, t, 1, generator);
  const auto [intercept, slope] = line(pair.x_BCTHW, pair.velocity_BCTHW);
  const auto [expected_intercept, expected_slope] = gaussian_velocity(mean, deviation, t);
  // Standard errors of a million draws: about 1e-3, and 2e-3 for the slope (x has deviation 0.52).
  CHECK(intercept == Approx(expected_intercept).margin(4e-3));
  CHECK(slope == Approx(expected_slope).margin(6e-3));
}

TEST_CASE("the regression on Euler pairs tends to the student's own velocity as the step shrinks", "[flow_pair]") {
  const double mean = 0.4, deviation = 0.6, t_from = 0.7;
  const auto [intercept_from, slope_from] = gaussian_velocity(mean, deviation, t_from);
  torch::manual_seed(3);
  StateBatch batch;
  batch.t_B = torch::full({1}, t_from, torch::kDouble);
  const double spread = std::hypot((1 - t_from) * deviation, t_from);
  batch.x_BCTHW = (1 - t_from) * mean + spread * torch::randn({1, 1, 1, 100, 100}, torch::kDouble);
  const at::Tensor velocity = intercept_from + slope_from * batch.x_BCTHW;
  const auto slope_error = [&](double step) {
    auto generator = make_generator(4);
    const FlowPair pair = euler_pair(batch, velocity, batch.t_B - step, generator);
    const double s = pair.t_B.item<double>();
    return std::abs(line(pair.x_BCTHW, pair.velocity_BCTHW).second - gaussian_velocity(mean, deviation, s).second);
  };
  // u^ is linear in x, so the regression has no noise; the error is of first order in the step, up to the second.
  CHECK(slope_error(0.02) > 1e-4);
  CHECK(slope_error(0.02) / slope_error(0.01) == Approx(2).margin(0.2));
}
