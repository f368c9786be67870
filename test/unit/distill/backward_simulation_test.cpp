#include "lintorch/distill/backward_simulation.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/rng.h"

using namespace lintorch;
using namespace lintorch::distill;

namespace {

/// u^ = w x sin(timestep / 1000), and a log of the inputs it saw.
struct Generator {
  at::Tensor w = torch::full({1}, 0.7, torch::kDouble).requires_grad_(true);
  std::vector<double> timesteps;
  std::vector<at::Tensor> inputs;
  std::vector<bool> with_gradients;

  linvideo::VelocityFunction function() {
    return [this](const at::Tensor& x, const at::Tensor& timestep, const at::Tensor&) {
      timesteps.push_back(timestep[0].item<double>());
      inputs.push_back(x.detach().clone());
      with_gradients.push_back(torch::GradMode::is_enabled());
      return w * x * torch::sin(timestep / 1000).reshape({-1, 1, 1, 1, 1});
    };
  }
};

const std::vector<double> kTimes{1.0, 0.9375, 0.75, 0.5};

}  // namespace

TEST_CASE("the input of a step is the generator's own trajectory, at the times of the list", "[backward_simulation]") {
  for (const auto kind : {diffusion::SamplerKind::kRenoise, diffusion::SamplerKind::kEuler}) {
    const auto draw = [](int64_t step, const at::Tensor& like) {
      auto random = make_generator(100 + step);
      return torch::randn(like.sizes(), random, like.options());
    };
    torch::manual_seed(4);
    const at::Tensor noise = torch::randn({2, 1, 1, 2, 3}, torch::kDouble);
    for (int64_t step = 0; step < 4; ++step) {
      Generator generator;
      const auto sampler = diffusion::make_sampler(kind, kTimes, draw);
      const GeneratorOutput output = simulate_backward(generator.function(), *sampler, step, noise, {});
      CHECK(output.step == step);
      REQUIRE(generator.timesteps.size() == static_cast<size_t>(step) + 1);
      // The trajectory again, by the formulas of the two rules. The samplers round times to fp32.
      at::Tensor x = noise;
      for (int64_t i = 0; i <= step; ++i) {
        CHECK(generator.timesteps[i] == Approx(1000 * kTimes[i]));
        CHECK(torch::allclose(generator.inputs[i], x, 1e-6, 1e-6));
        CHECK(generator.with_gradients[i] == (i == step));
        const at::Tensor velocity = 0.7 * x * std::sin(kTimes[i]);
        const at::Tensor x0 = x - kTimes[i] * velocity;
        if (i == step) {
          CHECK(torch::allclose(output.x0_hat_BCTHW, x0, 1e-6, 1e-6));
        } else if (kind == diffusion::SamplerKind::kRenoise) {
          x = (1 - kTimes[i + 1]) * x0 + kTimes[i + 1] * draw(i, x0);
        } else {
          x = x + (kTimes[i + 1] - kTimes[i]) * velocity;
        }
      }
      // Gradients through the last evaluation only: d x_0 / d w = -t x sin t with the input held fixed.
      output.x0_hat_BCTHW.sum().backward();
      const double expected = (-kTimes[step] * std::sin(kTimes[step]) * output.x_BCTHW).sum().item<double>();
      CHECK(generator.w.grad().item<double>() == Approx(expected).epsilon(1e-6));
      CHECK_FALSE(output.x_BCTHW.requires_grad());
    }
  }
}

TEST_CASE("without gradient mode nothing of the simulation is recorded", "[backward_simulation]") {
  Generator generator;
  const auto sampler = diffusion::make_sampler(diffusion::SamplerKind::kEuler, kTimes);
  const torch::NoGradGuard no_grad;
  CHECK_FALSE(simulate_backward(generator.function(), *sampler, 2, torch::ones({1, 1, 1, 1, 1}, torch::kDouble), {})
                  .x0_hat_BCTHW.requires_grad());
}
