#include "lintorch/linvideo/dmd_objective.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "lintorch/core/rng.h"
#include "lintorch/linvideo/distribution_matching.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

at::Tensor over_samples(const at::Tensor& value_B) { return value_B.reshape({-1, 1, 1, 1, 1}); }

StateBatch make_batch() {
  torch::manual_seed(5);
  StateBatch batch;
  batch.x_BCTHW = torch::randn({3, 2, 1, 2, 2}, torch::kDouble);
  batch.t_B = torch::tensor({0.9, 0.5, 0.1}, torch::kDouble);
  batch.timestep_B = 1000 * batch.t_B;
  batch.text_BSD = torch::zeros({3, 1, 1}, torch::kDouble);
  return batch;
}

}  // namespace

TEST_CASE("the gradient of L_DMD is DMD's, through x^_0 only", "[dmd_objective]") {
  const StateBatch batch = make_batch();
  at::Tensor seen_x, seen_t;
  const VelocityFunction teacher = [&](const at::Tensor& x, const at::Tensor& timestep, const at::Tensor&) {
    CHECK_FALSE(torch::GradMode::is_enabled());
    seen_x = x.clone();
    seen_t = timestep / 1000;
    return torch::sin(x);
  };
  const VelocityFunction fake = [&](const at::Tensor& x, const at::Tensor&, const at::Tensor&) {
    return torch::cos(2 * x);
  };
  const at::Tensor velocity = torch::randn_like(batch.x_BCTHW).requires_grad_(true);
  DmdConfig config;
  config.min_t = 0.2;
  config.max_t = 0.7;
  config.scale = 3;
  auto generator = make_generator(2);
  const at::Tensor loss =
      dmd_objective(clean_estimate(batch, velocity), batch.text_BSD, fake, teacher, config, 3, generator);
  loss.backward();
  CHECK(seen_t.min().item<double>() >= 0.2);
  CHECK(seen_t.max().item<double>() <= 0.7);

  // Self-Forcing's form: grad = (x0_fake - x0_real) / mean |x^_0 - x0_real|, on x^_0 = x - t' u^.
  for (int64_t b = 0; b < 3; ++b) {
    const at::Tensor x0_hat = (batch.x_BCTHW[b] - batch.t_B[b] * velocity[b]).detach();
    const at::Tensor x0_real = seen_x[b] - seen_t[b] * torch::sin(seen_x[b]);
    const at::Tensor x0_fake = seen_x[b] - seen_t[b] * torch::cos(2 * seen_x[b]);
    const at::Tensor d = (x0_fake - x0_real) / (x0_hat - x0_real).abs().mean();
    CHECK(torch::allclose(velocity.grad()[b] * velocity.numel(), -3 * batch.t_B[b] * d));
  }
}

TEST_CASE("L_DMD vanishes when the fake score is the teacher's", "[dmd_objective]") {
  const StateBatch batch = make_batch();
  const VelocityFunction same = [](const at::Tensor& x, const at::Tensor& timestep, const at::Tensor&) {
    return torch::sin(x) * over_samples(timestep / 1000);
  };
  const at::Tensor velocity = torch::randn_like(batch.x_BCTHW).requires_grad_(true);
  auto generator = make_generator(2);
  const at::Tensor loss =
      dmd_objective(clean_estimate(batch, velocity), batch.text_BSD, same, same, DmdConfig(), 3, generator);
  CHECK(loss.item<double>() == 0);
  loss.backward();
  CHECK(velocity.grad().abs().max().item<double>() == 0);
}

TEST_CASE("on Gaussians L_DMD pulls the samples' mean to the teacher's by the gradient of the KL divergence",
          "[dmd_objective]") {
  // x^_0 ~ N(m, s^2), teacher N(m_p, s_p^2). At time t both are Gaussian with variance v = (1 - t)^2 s^2 + t^2, and
  // E[t (u - u^)] = t^2/(1 - t) E[s^ - s] = t^2 (m - m_p) / v_p.
  const double m = 0.2, s = 0.8, m_p = 0.7, s_p = 0.5, t = 0.4;
  const auto gaussian = [](double mean, double deviation) -> VelocityFunction {
    return [=](const at::Tensor& x, const at::Tensor& timestep, const at::Tensor&) {
      const double time = timestep.item<double>() / 1000, var = deviation * deviation;
      const at::Tensor whitened = (x - (1 - time) * mean) / ((1 - time) * (1 - time) * var + time * time);
      return time * whitened - (mean + (1 - time) * var * whitened);  // E[eps - x_0 | x]
    };
  };
  torch::manual_seed(3);
  StateBatch batch;
  batch.t_B = torch::ones({1}, torch::kDouble);
  batch.x_BCTHW = torch::randn({1, 1, 1, 1000, 1000}, torch::kDouble);
  batch.text_BSD = torch::zeros({1, 1, 1});
  const at::Tensor x0 = m + s * torch::randn_like(batch.x_BCTHW);
  const at::Tensor velocity = (batch.x_BCTHW - x0).requires_grad_(true);  // x^_0 = x - 1 u^ = x0
  DmdConfig config;
  config.min_t = t - 1e-9;
  config.max_t = t;
  auto generator = make_generator(4);
  dmd_objective(clean_estimate(batch, velocity), batch.text_BSD, gaussian(m, s), gaussian(m_p, s_p), config, 1,
                generator)
      .backward();

  // The normalization: x^_0 - E_p[x_0 | x_t] is Gaussian; its mean absolute value in closed form.
  const double v_p = (1 - t) * (1 - t) * s_p * s_p + t * t, gain = (1 - t) * s_p * s_p / v_p;
  const double mean = (m - m_p) - gain * (1 - t) * (m - m_p);
  const double deviation = std::hypot(s * (1 - gain * (1 - t)), gain * t);
  const double distance = deviation * std::sqrt(2 / M_PI) * std::exp(-mean * mean / (2 * deviation * deviation)) +
                          mean * std::erf(mean / (deviation * std::sqrt(2.0)));
  const double expected = t * t * (m - m_p) / v_p / distance;
  // -d is the gradient on u^ at t' = 1. A mean of 10^6 draws of order 1 has a standard error of 10^-3.
  CHECK(-velocity.grad().sum().item<double>() == Approx(expected).margin(4e-3));
}
