// The claims of docs/derivations/adm_stability.md, on a student whose error can be followed exactly. lintorch's own
// objectives run on it; expectations are closed forms in fp64.

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>

#include "lintorch/core/rng.h"
#include "lintorch/linvideo/adm_objective.h"
#include "lintorch/linvideo/mse_objective.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

at::Tensor over_samples(const at::Tensor& value_B) { return value_B.reshape({-1, 1, 1, 1, 1}); }

double l2_norm(const at::Tensor& x) { return x.norm().item<double>(); }

/// a(t): the velocity of N(0, s^2) data is a(t) x.
at::Tensor slope(const at::Tensor& t_B) {
  constexpr double kVariance = 0.36;
  return (t_B - (1 - t_B) * kVariance) / ((1 - t_B).square() * kVariance + t_B.square());
}

at::Tensor teacher(const at::Tensor& x, const at::Tensor& timestep_B, const at::Tensor&) {
  return over_samples(slope(timestep_B / 1000)) * x;
}

/// Features of time, [B] -> [B, K].
using Features = std::function<at::Tensor(const at::Tensor& t_B)>;

/// (cos wt, sin wt): errors of one frequency.
Features wave(double omega) {
  return [=](const at::Tensor& t_B) { return torch::stack({(omega * t_B).cos(), (omega * t_B).sin()}, 1); };
}

/// One parameter for each of the times: nothing learned at one of them changes another.
Features independent(const at::Tensor& times_K) {
  return [=](const at::Tensor& t_B) { return ((t_B.unsqueeze(1) - times_K).abs() < 1e-9).to(at::kDouble); };
}

/// States at the given times of the grid; what they are does not matter to an error that is the same at every x.
StateBatch states_at(const at::Tensor& t_B, const at::Tensor& next_t_B) {
  torch::manual_seed(1);
  StateBatch batch;
  batch.t_B = t_B;
  batch.next_t_B = next_t_B;
  batch.timestep_B = 1000 * t_B;
  batch.x_BCTHW = torch::randn({t_B.size(0), 1, 1, 2, 2}, at::kDouble);
  batch.text_BSD = torch::zeros({t_B.size(0), 1, 1}, at::kDouble);
  return batch;
}

/// u^(x, t) = u(x, t) + e(t) with e(t) = theta . features(t).
struct Student {
  Features features;
  StateBatch batch;
  AdmConfig adm;
  double mse_anchor = 0;

  /// Gradient of the loss on theta; the self-score is that of score_theta.
  at::Tensor gradient(const at::Tensor& theta_K, const at::Tensor& score_theta_K) const {
    const at::Tensor theta = theta_K.clone().requires_grad_(true);
    const auto error = [&](const at::Tensor& weights, const at::Tensor& t_B) {
      return over_samples(torch::mv(features(t_B), weights));
    };
    const at::Tensor u = teacher(batch.x_BCTHW, batch.timestep_B, {});
    const at::Tensor u_hat = u + error(theta, batch.t_B);
    const VelocityFunction score = [&](const at::Tensor& x, const at::Tensor& timestep_B, const at::Tensor& text) {
      return teacher(x, timestep_B, text) + error(score_theta_K, timestep_B / 1000);
    };
    auto generator = make_generator(1);
    at::Tensor loss = adm_objective(batch, u_hat, score, teacher, adm, 1, generator);
    if (mse_anchor > 0) loss = loss + mse_anchor * mse_objective(u_hat, u);
    loss.backward();
    return theta.grad();
  }
  at::Tensor gradient(const at::Tensor& theta_K) const { return gradient(theta_K, theta_K); }

  /// G of gradient(theta) = G theta, column by column.
  at::Tensor matrix(int64_t size) const {
    std::vector<at::Tensor> columns;
    for (int64_t k = 0; k < size; ++k) columns.push_back(gradient(torch::eye(size, at::kDouble)[k]));
    return torch::stack(columns, 1);
  }

  at::Tensor descend(at::Tensor theta_K, double lr, int steps) const {
    for (int i = 0; i < steps; ++i) theta_K = theta_K - lr * gradient(theta_K);
    return theta_K;
  }
};

/// Errors of frequency omega with omega h = alpha on a grid that carries whole periods, so that sums over it are exact.
Student wave_student(int periods, double h, double* alpha) {
  constexpr int kStates = 64;
  const double omega = 2 * M_PI * periods / (1 - 2 * h);
  *alpha = omega * h;
  const at::Tensor t = 2 * h + (1 - 2 * h) * torch::arange(1, kStates + 1, at::kDouble) / kStates;
  Student student{wave(omega), states_at(t, t - h), {}};
  student.adm.weight = AdmWeight::kUniform;
  student.adm.euler_step = h;
  return student;
}

at::Tensor rotation(double alpha) {
  return torch::tensor({{std::cos(alpha), -std::sin(alpha)}, {std::sin(alpha), std::cos(alpha)}}, at::kDouble);
}

double spectral_radius(const at::Tensor& matrix) { return torch::linalg_eigvals(matrix).abs().max().item<double>(); }

double binomial(int n, int k) {
  double value = 1;
  for (int i = 0; i < k; ++i) value = value * (n - i) / (i + 1);
  return value;
}

}  // namespace

TEST_CASE("independent times: the update is a shift, errors grow polynomially, where MSE contracts",
          "[adm_stability]") {
  constexpr int kStates = 6;
  const at::Tensor t = torch::arange(kStates, 0, -1, at::kDouble) / kStates;  // 1, 5/6, ..., 1/6
  const at::Tensor next = t - 1.0 / kStates;
  // The last state is judged at half its time, which nothing trains.
  const at::Tensor times = torch::cat({t, t.slice(0, kStates - 1) / 2});
  Student student{independent(times), states_at(t, next), {}};
  student.adm.weight = AdmWeight::kUniform;
  student.adm.euler_step = 0;

  std::vector<double> gain(kStates, 1.0 / kStates / kStates);  // h / N: e_i <- e_i - lr gain_i e_{i+1}
  gain.back() /= 2;
  const at::Tensor G = student.matrix(kStates + 1);
  at::Tensor expected_G = torch::zeros({kStates + 1, kStates + 1}, at::kDouble);
  for (int i = 0; i < kStates; ++i) expected_G[i][i + 1] = gain[i];
  CHECK(torch::allclose(G, expected_G, 1e-12, 1e-15));
  CHECK(l2_norm(torch::linalg_matrix_power(G, kStates + 1)) == 0);  // nilpotent: every eigenvalue of I - lr G is 1

  torch::manual_seed(2);
  const at::Tensor e0 = torch::randn({kStates + 1}, at::kDouble);
  constexpr int kSteps = 40;
  const double lr = 18;  // lr h / N = 1/2
  const at::Tensor e = student.descend(e0, lr, kSteps);
  for (int i = 0; i <= kStates; ++i) {
    double sum = 0, product = 1;
    for (int k = 0; i + k <= kStates; ++k) {
      sum += binomial(kSteps, k) * product * e0[i + k].item<double>();
      if (i + k < kStates) product *= -lr * gain[i + k];
    }
    CHECK(e[i].item<double>() == Approx(sum).epsilon(1e-10));
  }
  CHECK(e.abs().max().item<double>() > 1000 * e0.abs().max().item<double>());

  // Velocity matching at the same states: gradient 2 e_i / N.
  const at::Tensor theta = e0.clone().requires_grad_(true);
  const at::Tensor u = teacher(student.batch.x_BCTHW, student.batch.timestep_B, {});
  mse_objective(u + over_samples(torch::mv(student.features(t), theta)), u).backward();
  CHECK(torch::allclose(theta.grad().slice(0, 0, kStates), 2 * e0.slice(0, 0, kStates) / kStates));
}

TEST_CASE("coupled times: an error of frequency w contracts if and only if lr h/2 < 2 cos(w h)", "[adm_stability]") {
  for (const int periods : {1, 3, 4, 7, 8, 12}) {
    double alpha = 0;
    const double h = 0.05, lr = 16, g = lr * h / 2;
    const Student student = wave_student(periods, h, &alpha);
    INFO("w h = " << alpha / M_PI << " pi");
    const at::Tensor G = student.matrix(2);
    CHECK(torch::allclose(G, h / 2 * rotation(alpha), 1e-10, 1e-12));

    const at::Tensor e0 = torch::tensor({0.6, -0.8}, at::kDouble);
    const double factor = std::sqrt(1 - 2 * g * std::cos(alpha) + g * g);
    // The margin: e is read off velocities of order 1, which fp64 rounds at 1e-16.
    CHECK(l2_norm(student.descend(e0, lr, 50)) == Approx(std::pow(factor, 50)).epsilon(1e-9).margin(1e-14));
    CHECK((factor < 1) == (g < 2 * std::cos(alpha)));
    CHECK((factor < 1) == (periods < 4));
  }
}

TEST_CASE("halving the Euler step doubles the frequencies that contract; scale takes its factor out",
          "[adm_stability]") {
  double alpha = 0;
  Student coarse = wave_student(6, 0.06, &alpha);
  CHECK(alpha > M_PI / 2);
  CHECK(spectral_radius(torch::eye(2, at::kDouble) - 0.1 * coarse.matrix(2)) > 1);
  Student fine = wave_student(6, 0.03, &alpha);
  CHECK(alpha < M_PI / 2);
  CHECK(spectral_radius(torch::eye(2, at::kDouble) - 0.1 * fine.matrix(2)) < 1);
  const at::Tensor G = fine.matrix(2);
  fine.adm.scale = 1 / 0.03;
  CHECK(torch::allclose(fine.matrix(2), G / 0.03));
}

TEST_CASE("an MSE anchor above scale h / 2 contracts every frequency", "[adm_stability]") {
  double alpha = 0;
  const double h = 0.1;
  Student student = wave_student(4, h, &alpha);
  REQUIRE(alpha == Approx(M_PI));  // the worst frequency
  const auto radius = [&](double anchor) {
    student.mse_anchor = anchor;
    CHECK(
        torch::allclose(student.matrix(2), h / 2 * rotation(alpha) + anchor * torch::eye(2, at::kDouble), 1e-9, 1e-12));
    return spectral_radius(torch::eye(2, at::kDouble) - 0.1 * student.matrix(2));
  };
  CHECK(radius(0) > 1);
  CHECK(radius(0.9 * h / 2) > 1);
  CHECK(radius(1.1 * h / 2) < 1);
}

TEST_CASE("an EMA score slows the growth and narrows the range of stability: cos(wh) > g T sin^2(wh)",
          "[adm_stability]") {
  const at::Tensor identity = torch::eye(2, at::kDouble);
  // [theta, average] -> [theta - lr G average, decay average + (1 - decay) (theta - lr G average)]
  const auto update = [&](const at::Tensor& G, double lr, double decay) {
    const at::Tensor top = torch::cat({identity, -lr * G}, 1);
    return torch::cat({top, (1 - decay) * top + torch::cat({0 * identity, decay * identity}, 1)}, 0);
  };
  double alpha = 0;
  const double h = 0.05;
  const Student student = wave_student(4, h, &alpha);
  REQUIRE(std::cos(alpha) == Approx(0.1736).margin(1e-4));
  const at::Tensor G = student.matrix(2);
  const double g = 0.01, lr = g / (h / 2);

  // lintorch's objective with an averaged score follows that matrix.
  at::Tensor theta = torch::tensor({0.6, -0.8}, at::kDouble), average = theta.clone();
  const at::Tensor start = torch::cat({theta, average});
  for (int i = 0; i < 30; ++i) {
    theta = theta - lr * student.gradient(theta, average);
    average = 0.9 * average + 0.1 * theta;
  }
  const at::Tensor expected = torch::mv(torch::linalg_matrix_power(update(G, lr, 0.9), 30), start);
  CHECK(torch::allclose(torch::cat({theta, average}), expected, 1e-10, 1e-12));

  // T = 1 / (1 - decay); g sin^2 / cos = 0.056, so that the limit is at T = 17.9 (for small g).
  CHECK(spectral_radius(identity - lr * G) < 1);
  CHECK(spectral_radius(update(G, lr, 1 - 1 / 15.0)) < 1);
  CHECK(spectral_radius(update(G, lr, 1 - 1 / 21.0)) > 1);

  const at::Tensor worst = h / 2 * rotation(M_PI);
  const double self = spectral_radius(identity - lr * worst), averaged = spectral_radius(update(worst, lr, 0.99));
  CHECK(self == Approx(1 + g));
  CHECK(averaged > 1);
  CHECK(averaged - 1 < 0.7 * (self - 1));
}

TEST_CASE("reading renoise corrects one direction of the error only", "[adm_stability]") {
  torch::manual_seed(4);
  const at::Tensor t = torch::arange(1, 9, at::kDouble) / 8;
  // Features of many scales, so that the error has room for 5 directions.
  const at::Tensor frequencies = torch::tensor({0.0, 1.0, 3.0, 7.0, 11.0}, at::kDouble);
  const Features features = [=](const at::Tensor& t_B) { return (t_B.unsqueeze(1) * frequencies).cos(); };
  Student student{features, states_at(t, t - 0.125), {}};
  student.adm.reading = AdmReading::kRenoise;
  at::Tensor sum = torch::zeros({5, 5}, at::kDouble);
  for (const double judged : {0.2, 0.5, 0.8}) {
    student.adm.min_t = judged - 1e-12;
    student.adm.max_t = judged;
    const double weight = (1 - judged) / judged;
    const at::Tensor left = (t.unsqueeze(1) * features(t)).mean(0);
    const at::Tensor right = (1 - judged) * weight * features(torch::full({1}, judged, at::kDouble))[0];
    const at::Tensor G = student.matrix(5);
    CHECK(torch::allclose(G, torch::outer(left, right), 1e-9, 1e-12));
    sum += G;
  }
  const at::Tensor singular = torch::linalg_svdvals(sum);
  CHECK(singular[1].item<double>() < 1e-9 * singular[0].item<double>());
}

namespace {

/// The gradient of L_ADM on the gains g_i = a(t'_i) + e(t'_i) of a student u^ = g(t) x with e(t) = size cos(9 t).
at::Tensor gain_gradient(const StateBatch& batch, double size, const AdmConfig& config) {
  const auto gain = [=](const at::Tensor& t_B) { return slope(t_B) + size * (9 * t_B).cos(); };
  const at::Tensor gains = gain(batch.t_B).requires_grad_(true);
  const VelocityFunction student = [&](const at::Tensor& x, const at::Tensor& timestep_B, const at::Tensor&) {
    return over_samples(gain(timestep_B / 1000)) * x;
  };
  auto generator = make_generator(1);
  adm_objective(batch, over_samples(gains) * batch.x_BCTHW, student, teacher, config, 1, generator).backward();
  return gains.grad();
}

/// States of the student's own Euler trajectory from fixed noise; size 0: the teacher's.
StateBatch trajectory(double size) {
  const at::Tensor t = torch::arange(10, 0, -1, at::kDouble) / 10;
  StateBatch batch = states_at(t, t - 0.1);
  at::Tensor x = batch.x_BCTHW[0].clone();
  std::vector<at::Tensor> states;
  for (int64_t i = 0; i < t.size(0); ++i) {
    states.push_back(x);
    const at::Tensor gain = slope(t[i]) + size * (9 * t[i]).cos();
    x = x - 0.1 * gain * x;
  }
  batch.x_BCTHW = torch::stack(states);
  return batch;
}

}  // namespace

TEST_CASE("an error in the gain moves by w h e(t) (1 - h g(t')) times the states' second moment", "[adm_stability]") {
  AdmConfig config;
  config.euler_step = 0.03;
  const StateBatch batch = trajectory(0);
  const double size = 0.2;
  const at::Tensor t = batch.t_B - 0.03;
  const at::Tensor weight = (1 - t.clamp(0.02, 0.98)) / t.clamp(0.02, 0.98);
  const at::Tensor gains = slope(batch.t_B) + size * (9 * batch.t_B).cos();
  const at::Tensor moment = batch.x_BCTHW.square().flatten(1).mean(1);
  const at::Tensor expected = weight * 0.03 * size * (9 * t).cos() * (1 - 0.03 * gains) * moment / 10;
  CHECK(torch::allclose(gain_gradient(batch, size, config), expected, 1e-10, 1e-14));
}

TEST_CASE("on-policy states change nothing to first order in the error", "[adm_stability]") {
  AdmConfig config;
  const auto difference = [&](double size) {
    const at::Tensor stored = gain_gradient(trajectory(0), size, config);
    const at::Tensor on_policy = gain_gradient(trajectory(size), size, config);
    CHECK(l2_norm(stored) > 0);
    return l2_norm(on_policy - stored) / l2_norm(stored);
  };
  // Relative difference of first order, so that the gradients differ in second order.
  CHECK(difference(0.02) > 1e-4);
  CHECK(difference(0.02) / difference(0.01) == Approx(2).margin(0.1));
}
