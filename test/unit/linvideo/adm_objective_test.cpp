#include "lintorch/linvideo/adm_objective.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/rng.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

StateBatch make_batch() {
  torch::manual_seed(5);
  StateBatch batch;
  batch.x_BCTHW = torch::randn({3, 2, 1, 2, 2}, torch::kDouble);
  batch.t_B = torch::tensor({0.9, 0.5, 0.01}, torch::kDouble);
  batch.next_t_B = torch::tensor({0.8, 0.2, 0.0}, torch::kDouble);
  batch.timestep_B = 1000 * batch.t_B;
  batch.text_BSD = torch::zeros({3, 1, 1}, torch::kDouble);
  return batch;
}

at::Tensor over_samples(const at::Tensor& value_B) { return value_B.reshape({-1, 1, 1, 1, 1}); }

at::Generator generator() { return make_generator(1); }

}  // namespace

TEST_CASE("reading euler judges one sub-step below the state, never at zero", "[adm_objective]") {
  AdmConfig config;
  config.euler_step = 0.02;
  auto random = generator();
  const auto batch = make_batch();
  CHECK(torch::allclose(adm_times(batch, config, 5, random), torch::tensor({0.88, 0.48, 0.005}, torch::kDouble)));
  config.euler_step = 0;  // the next grid time
  CHECK(torch::allclose(adm_times(batch, config, 5, random), torch::tensor({0.8, 0.25, 0.005}, torch::kDouble)));
}

TEST_CASE("reading renoise draws shifted times within the limits", "[adm_objective]") {
  AdmConfig config;
  config.reading = AdmReading::kRenoise;
  config.min_t = 0.3;
  config.max_t = 0.6;
  auto random = generator();
  StateBatch batch = make_batch();
  batch.t_B = torch::full({4000}, 0.5, torch::kDouble);
  const at::Tensor t = adm_times(batch, config, 1, random);
  CHECK(t.min().item<double>() == 0.3);
  CHECK(t.max().item<double>() == 0.6);
  CHECK((t == 0.3).to(torch::kDouble).mean().item<double>() == Approx(0.3).margin(0.03));
  const at::Tensor shifted = adm_times(batch, config, 5, random);  // t <= 0.6 only where u <= 0.2308
  CHECK((shifted == 0.6).to(torch::kDouble).mean().item<double>() == Approx(0.77).margin(0.03));
}

TEST_CASE("x^ depends on the velocity by t - t' (euler) and -(1 - t) t' (renoise)", "[adm_objective]") {
  const auto batch = make_batch();
  const at::Tensor t = torch::tensor({0.7, 0.4, 0.005}, torch::kDouble);
  const at::Tensor velocity = torch::randn_like(batch.x_BCTHW).requires_grad_(true);
  auto random = generator();
  const at::Tensor euler = adm_sample(batch, velocity, t, AdmReading::kEuler, random);
  CHECK(torch::allclose(euler, batch.x_BCTHW + over_samples(t - batch.t_B) * velocity));
  const auto jacobian = torch::autograd::grad({euler.sum()}, {velocity})[0];
  CHECK(torch::allclose(jacobian, over_samples(t - batch.t_B).expand_as(velocity)));

  const at::Tensor renoised = adm_sample(batch, velocity, t, AdmReading::kRenoise, random);
  const auto jacobian_r = torch::autograd::grad({renoised.sum()}, {velocity})[0];
  CHECK(torch::allclose(jacobian_r, over_samples(-(1 - t) * batch.t_B).expand_as(velocity)));
}

TEST_CASE("d carries the weight that is asked for", "[adm_objective]") {
  const auto batch = make_batch();
  const at::Tensor t = torch::tensor({0.99, 0.4, 0.005}, torch::kDouble);
  const at::Tensor u = torch::randn_like(batch.x_BCTHW), u_hat = torch::randn_like(u), x = torch::randn_like(u);
  const at::Tensor x0_hat = torch::randn_like(u);
  AdmConfig config;
  config.weight = AdmWeight::kUniform;
  CHECK(torch::equal(adm_gradient(u, u_hat, x, x0_hat, t, config), u - u_hat));
  config.weight = AdmWeight::kScore;
  const at::Tensor clamped = torch::tensor({0.98, 0.4, 0.02}, torch::kDouble);
  CHECK(torch::allclose(adm_gradient(u, u_hat, x, x0_hat, t, config),
                        over_samples((1 - clamped) / clamped) * (u - u_hat)));
  config.weight = AdmWeight::kX0Normalized;
  const at::Tensor d = adm_gradient(u, u_hat, x, x0_hat, t, config);
  for (int64_t b = 0; b < 3; ++b) {
    const at::Tensor distance = (x0_hat[b] - (x[b] - t[b] * u[b])).abs().mean();
    CHECK(torch::allclose(d[b], t[b] * (u[b] - u_hat[b]) / distance));
  }
}

TEST_CASE("ADM vanishes when student and teacher are equal, for every reading and weight", "[adm_objective]") {
  const auto batch = make_batch();
  const VelocityFunction same = [](const at::Tensor& x, const at::Tensor& timestep, const at::Tensor&) {
    return torch::sin(x) * over_samples(timestep / 1000);
  };
  for (const auto reading : {AdmReading::kEuler, AdmReading::kRenoise}) {
    for (const auto weight : {AdmWeight::kUniform, AdmWeight::kScore, AdmWeight::kX0Normalized}) {
      AdmConfig config;
      config.reading = reading;
      config.weight = weight;
      auto random = generator();
      const at::Tensor velocity = same(batch.x_BCTHW, batch.timestep_B, {}).requires_grad_(true);
      const at::Tensor loss = adm_objective(batch, velocity, same, same, config, 5, random);
      CHECK(loss.item<double>() == 0);
      loss.backward();
      CHECK(velocity.grad().abs().max().item<double>() == 0);
    }
  }
}

TEST_CASE("an ADM step with reading euler moves u^ towards u", "[adm_objective]") {
  const auto batch = make_batch();
  const VelocityFunction teacher = [](const at::Tensor& x, const at::Tensor&, const at::Tensor&) { return x * 0 + 1; };
  const VelocityFunction student = [](const at::Tensor& x, const at::Tensor&, const at::Tensor&) { return x * 0 + 3; };
  const at::Tensor velocity = student(batch.x_BCTHW, {}, {}).requires_grad_(true);
  auto random = generator();
  adm_objective(batch, velocity, student, teacher, AdmConfig{}, 5, random).backward();
  CHECK(velocity.grad().min().item<double>() > 0);  // descent lowers u^ = 3 towards 1
}
