#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/linvideo/adm_objective.h"

using namespace lintorch::linvideo;

namespace {

/// Data x_0 ~ N(mean, deviation^2) under x_t = (1 - t) x_0 + t eps: everything in closed form.
struct Gaussian {
  double mean, deviation;

  at::Tensor variance(const at::Tensor& t) const { return (1 - t).square() * deviation * deviation + t.square(); }
  at::Tensor centered(const at::Tensor& x, const at::Tensor& t) const { return x - (1 - t) * mean; }
  /// grad log p_t(x)
  at::Tensor score(const at::Tensor& x, const at::Tensor& t) const { return -centered(x, t) / variance(t); }
  /// E[eps - x_0 | x_t = x]
  at::Tensor velocity(const at::Tensor& x, const at::Tensor& t) const {
    const at::Tensor whitened = centered(x, t) / variance(t);
    return t * whitened - (mean + (1 - t) * deviation * deviation * whitened);
  }
};

}  // namespace

TEST_CASE("Eq. 13 holds on Gaussians: velocities give the exact difference of scores", "[adm_gaussian]") {
  torch::manual_seed(1);
  const Gaussian teacher{0.7, 0.5}, student{-0.2, 1.3};
  const at::Tensor t_B = torch::tensor({0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98}, torch::kDouble);
  const at::Tensor x = 2 * torch::randn({7, 4, 2, 3, 3}, torch::kDouble);
  const at::Tensor t = t_B.reshape({-1, 1, 1, 1, 1});
  const at::Tensor expected = teacher.score(x, t) - student.score(x, t);
  const at::Tensor actual = score_difference(teacher.velocity(x, t), student.velocity(x, t), t_B);
  CHECK(((actual - expected).abs() / expected.abs().clamp_min(1)).max().item<double>() < 1e-12);
}

TEST_CASE("the ADM gradient is the gradient of KL(q_t || p_t) on Gaussians", "[adm_gaussian]") {
  // q_t = N(m, v), p_t = N(m_p, v_p): E_q[s^ - s] = d KL / d m = (m - m_p) / v_p, with d = -(s - s^).
  torch::manual_seed(2);
  const Gaussian teacher{0.7, 0.5}, student{0.2, 0.8};
  const double time = 0.4;
  const at::Tensor t_B = torch::full({1}, time, torch::kDouble);
  const at::Tensor t = t_B.reshape({-1, 1, 1, 1, 1});
  const at::Tensor noise = torch::randn({1, 1, 1, 1000, 1000}, torch::kDouble);
  const at::Tensor x = (1 - time) * student.mean + student.variance(t).sqrt() * noise;
  AdmConfig config;
  config.weight = AdmWeight::kScore;
  const at::Tensor d = adm_gradient(teacher.velocity(x, t), student.velocity(x, t), x, x, t_B, config);
  const double expected = ((1 - time) * (student.mean - teacher.mean) / teacher.variance(t)).item<double>();
  CHECK(d.mean().item<double>() == Approx(expected).margin(5e-3));
}
