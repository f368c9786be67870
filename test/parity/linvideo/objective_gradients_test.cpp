#include <torch/torch.h>

#include <catch2/catch.hpp>

#include <functional>

#include "lintorch/core/rng.h"
#include "lintorch/linvideo/adm_objective.h"
#include "lintorch/linvideo/distribution_matching.h"
#include "lintorch/linvideo/dmd_objective.h"
#include "lintorch/linvideo/mse_objective.h"
#include "lintorch/linvideo/selective_transfer.h"
#include "lintorch/linvideo/student.h"
#include "test/support/micro_model.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

/// An fp64 student with mixed cores, its teacher, and two states.
struct Fixture {
  Fixture() {
    teacher = test::micro_dit();
    teacher->to(at::kDouble);
    student = copy_wan_dit(teacher);
    SelectiveTransferConfig config;
    config.target = 2;
    config.init = 0.6;
    config.init_noise = 0.2;
    transfer = std::make_unique<SelectiveTransfer>(student, teacher->config().linear_attention, config, 1);
    torch::NoGradGuard no_grad;
    for (auto& p : student->parameters()) p.add_(0.1 * torch::randn_like(p));
    batch.x_BCTHW = torch::randn({2, 4, 2, 4, 4}, at::kDouble);
    batch.t_B = torch::tensor({0.9, 0.3}, at::kDouble);
    batch.next_t_B = torch::tensor({0.7, 0.1}, at::kDouble);
    batch.timestep_B = 1000 * batch.t_B;
    batch.text_BSD = torch::randn({2, 5, 16}, at::kDouble);
    batch.velocity_BCTHW = teacher->forward(batch.x_BCTHW, batch.timestep_B, batch.text_BSD);
  }

  at::Tensor student_velocity() { return student->forward(batch.x_BCTHW, batch.timestep_B, batch.text_BSD); }

  /// The gates and one weight of every kind.
  std::vector<std::pair<std::string, at::Tensor>> checked() {
    std::vector<std::pair<std::string, at::Tensor>> parameters{{"gates", transfer->gates()}};
    const auto all = student->named_parameters();
    for (const char* name :
         {"blocks.0.attn1.core.w_q", "blocks.2.attn1.core.w_k", "blocks.1.attn1.to_v.weight",
          "blocks.3.attn2.to_q.weight", "blocks.1.scale_shift_table", "patch_embedding.weight", "proj_out.weight"})
      parameters.emplace_back(name, all[name]);
    return parameters;
  }

  wan::WanDit teacher{nullptr}, student{nullptr};
  std::unique_ptr<SelectiveTransfer> transfer;
  StateBatch batch;
};

/// Largest difference between the gradient and central differences of `value` over three elements of the parameter,
/// relative to the parameter's largest gradient. Differences of fourth order allow a step that rounding does not spoil.
double gradient_error(const at::Tensor& parameter, const std::function<double()>& value) {
  torch::NoGradGuard no_grad;
  at::Tensor flat = parameter.view({-1});
  const at::Tensor gradient = parameter.grad().reshape({-1});
  const double scale = gradient.abs().max().item<double>();
  REQUIRE(scale > 0);
  double worst = 0;
  for (const int64_t i : {int64_t{0}, flat.size(0) / 2, flat.size(0) - 1}) {
    const double original = flat[i].item<double>();
    constexpr double kStep = 1e-3;
    const auto at_steps = [&](double steps) {
      flat[i].fill_(original + steps * kStep);
      return value();
    };
    const double slope = (8 * (at_steps(1) - at_steps(-1)) - (at_steps(2) - at_steps(-2))) / (12 * kStep);
    flat[i].fill_(original);
    worst = std::max(worst, std::abs(slope - gradient[i].item<double>()) / scale);
  }
  return worst;
}

}  // namespace

TEST_CASE("gradients of L_mse through the student match central differences", "[objective_gradients]") {
  Fixture f;
  const auto loss = [&] { return mse_objective(f.student_velocity(), f.batch.velocity_BCTHW); };
  loss().backward();
  for (const auto& [name, parameter] : f.checked()) {
    INFO(name);
    CHECK(gradient_error(parameter, [&] { return loss().item<double>(); }) < 1e-7);
  }
}

TEST_CASE("gradients of L_ADM through the student match central differences with d held fixed",
          "[objective_gradients]") {
  for (const auto reading : {AdmReading::kEuler, AdmReading::kRenoise}) {
    for (const auto weight : {AdmWeight::kUniform, AdmWeight::kScore, AdmWeight::kX0Normalized}) {
      Fixture f;
      AdmConfig config;
      config.reading = reading;
      config.weight = weight;
      config.euler_step = 0.1;
      const VelocityFunction teacher = [&](const at::Tensor& x, const at::Tensor& t, const at::Tensor& text) {
        return f.teacher->forward(x, t, text);
      };
      const VelocityFunction student = [&](const at::Tensor& x, const at::Tensor& t, const at::Tensor& text) {
        return f.student->forward(x, t, text);
      };
      auto generator = make_generator(4);
      adm_objective(f.batch, f.student_velocity(), student, teacher, config, 3, generator).backward();

      // The detached part, frozen at the present weights: x^_t - d. It is what the gradient must not go through.
      at::Tensor t_B, target;
      const auto x_hat = [&] {
        auto random = make_generator(4);
        t_B = adm_times(f.batch, config, 3, random);
        return adm_sample(f.batch, f.student_velocity(), t_B, reading, random);
      };
      {
        torch::NoGradGuard no_grad;
        const at::Tensor x = x_hat();
        const at::Tensor x0 = f.batch.x_BCTHW - f.batch.t_B.reshape({-1, 1, 1, 1, 1}) * f.student_velocity();
        target = x - adm_gradient(teacher(x, 1000 * t_B, f.batch.text_BSD), student(x, 1000 * t_B, f.batch.text_BSD), x,
                                  x0, t_B, config);
      }
      const auto value = [&] { return 0.5 * (x_hat() - target).square().mean().item<double>(); };
      for (const auto& [name, parameter] : f.checked()) {
        INFO(enum_name(reading) << " " << enum_name(weight) << " " << name);
        CHECK(gradient_error(parameter, value) < 1e-7);
      }
    }
  }
}

TEST_CASE("gradients of L_DMD through the student match central differences with d held fixed",
          "[objective_gradients]") {
  Fixture f;
  auto fake = copy_wan_dit(f.teacher);
  {
    torch::NoGradGuard no_grad;
    for (auto& p : fake->parameters()) p.add_(0.1 * torch::randn_like(p));
  }
  const auto velocity_of = [](wan::WanDit& dit) -> VelocityFunction {
    return [dit](const at::Tensor& x, const at::Tensor& t, const at::Tensor& text) mutable {
      return dit->forward(x, t, text);
    };
  };
  auto generator = make_generator(4);
  dmd_objective(clean_estimate(f.batch, f.student_velocity()), f.batch.text_BSD, velocity_of(fake),
                velocity_of(f.teacher), DmdConfig(), 3, generator)
      .backward();
  // x^_0 - d at the present weights, from a second run of the objective: its gradient on u^ is -t' d / numel.
  const at::Tensor t = f.batch.t_B.reshape({-1, 1, 1, 1, 1});
  const at::Tensor velocity = f.student_velocity().detach().requires_grad_(true);
  auto again = make_generator(4);
  dmd_objective(clean_estimate(f.batch, velocity), f.batch.text_BSD, velocity_of(fake), velocity_of(f.teacher),
                DmdConfig(), 3, again)
      .backward();
  const at::Tensor d = -velocity.grad() * velocity.numel() / t;
  const at::Tensor target = (f.batch.x_BCTHW - t * velocity.detach()) - d;
  const auto value = [&] {
    return 0.5 * (f.batch.x_BCTHW - t * f.student_velocity() - target).square().mean().item<double>();
  };
  for (const auto& [name, parameter] : f.checked()) {
    INFO(name);
    CHECK(gradient_error(parameter, value) < 1e-7);
  }
}

TEST_CASE("gradients of the selection losses match central differences where they are smooth",
          "[objective_gradients]") {
  Fixture f;
  {
    // Near r = 0.5 the loss differs from its maximum by less than a rounding error; these values have a slope.
    const torch::NoGradGuard no_grad;
    f.transfer->gates().copy_(torch::tensor({0.03, 0.2, 0.85, 0.97}, at::kDouble));
  }
  f.transfer->losses(0.2).regularization.backward();
  CHECK(gradient_error(f.transfer->gates(), [&] { return f.transfer->losses(0.2).regularization.item<double>(); }) <
        1e-6);
}
