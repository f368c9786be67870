#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/rng.h"
#include "lintorch/distill/backward_simulation.h"
#include "lintorch/linvideo/dmd_objective.h"
#include "lintorch/linvideo/flow_pair.h"
#include "lintorch/linvideo/mse_objective.h"

using namespace lintorch;
using namespace lintorch::distill;
using linvideo::VelocityFunction;

namespace {

// The teacher's data, in every pixel on its own: half N(-1, 0.3^2), half N(1, 0.3^2).
constexpr double kDeviation = 0.3;

/// u = E[eps - x_0 | x_t] = (x - E[x_0 | x_t]) / t in closed form.
at::Tensor exact_velocity(const at::Tensor& x, const at::Tensor& timestep, const at::Tensor&) {
  const at::Tensor t = (timestep / 1000).reshape({-1, 1, 1, 1, 1});
  const at::Tensor var = (1 - t).square() * kDeviation * kDeviation + t.square();
  const at::Tensor gain = (1 - t) * kDeviation * kDeviation / var;
  // P(upper component | x) for two equal Gaussians.
  const at::Tensor upper = torch::sigmoid(2 * x * (1 - t) / var);
  const at::Tensor mean = upper * (1 + gain * (x - (1 - t))) + (1 - upper) * (-1 + gain * (x + (1 - t)));
  return (x - mean) / t;
}

/// A small network of (x, t), pixel by pixel, with the output as an estimate of x_0.
struct PixelNetworkImpl : torch::nn::Module {
  PixelNetworkImpl() {
    for (const auto& [in, out] : {std::pair{3, 48}, std::pair{48, 48}, std::pair{48, 1}}) {
      layers->push_back(torch::nn::Linear(in, out));
      if (out > 1) layers->push_back(torch::nn::SiLU());
    }
    register_module("layers", layers);
  }
  at::Tensor forward(const at::Tensor& x, const at::Tensor& timestep) {
    const at::Tensor t = (timestep / 1000).reshape({-1, 1, 1, 1, 1}).expand_as(x);
    const at::Tensor x0 = layers->forward(torch::stack({x, t, x * t}, -1)).squeeze(-1);
    return (x - x0) / t;
  }
  torch::nn::Sequential layers;
};
TORCH_MODULE(PixelNetwork);

VelocityFunction velocity_of(PixelNetwork network) {
  return [network](const at::Tensor& x, const at::Tensor& timestep, const at::Tensor&) mutable {
    return network->forward(x, timestep);
  };
}

at::Tensor draw(int64_t samples, at::Generator& random) { return torch::randn({samples, 1, 1, 4, 4}, random); }

/// Wasserstein-1 distance of few-step samples to the data: mean difference of sorted values.
double distance_to_data(const VelocityFunction& generator, const std::vector<double>& times) {
  const torch::NoGradGuard no_grad;
  auto random = make_generator(11);
  const int64_t samples = 1000;
  const auto sampler =
      diffusion::make_sampler(diffusion::SamplerKind::kRenoise, times,
                              [&](int64_t, const at::Tensor& like) { return draw(like.size(0), random); });
  at::Tensor x = draw(samples, random);
  for (int64_t i = 0; i < sampler->num_steps(); ++i)
    x = sampler->step(generator(x, torch::full({samples}, sampler->timestep(i)), {}), i, x);
  const at::Tensor sign = 2 * torch::randint(2, {samples, 1, 1, 4, 4}, random) - 1;
  const at::Tensor data = sign + kDeviation * draw(samples, random);
  const auto sorted = [](const at::Tensor& values) { return std::get<0>(values.flatten().sort()); };
  return (sorted(x) - sorted(data)).abs().mean().item<double>();
}

}  // namespace

TEST_CASE("distribution matching turns a two-step sampler into the teacher's distribution", "[few_step_toy]") {
  torch::manual_seed(1);
  auto random = make_generator(2);
  const std::vector<double> times = diffusion::warp_steps({1000, 500}, 2);
  const int64_t batch = 64;
  linvideo::DmdConfig config;
  PixelNetwork generator, critic;

  // Both networks start as the teacher, as far as they can express it.
  torch::optim::Adam pretraining(generator->parameters(), torch::optim::AdamOptions(3e-3));
  for (int i = 0; i < 400; ++i) {
    pretraining.zero_grad();
    const at::Tensor t = 0.02 + 0.98 * torch::rand({batch}, random);
    const at::Tensor sign = 2 * torch::randint(2, {batch, 1, 1, 4, 4}, random) - 1;
    const at::Tensor x0 = sign + kDeviation * draw(batch, random);
    const at::Tensor x = diffusion::add_noise(x0, draw(batch, random), t);
    const at::Tensor error = generator->forward(x, 1000 * t) - exact_velocity(x, 1000 * t, {});
    (error * t.reshape({-1, 1, 1, 1, 1})).square().mean().backward();
    pretraining.step();
  }
  {
    const torch::NoGradGuard no_grad;
    for (size_t i = 0; i < critic->parameters().size(); ++i) critic->parameters()[i].copy_(generator->parameters()[i]);
  }
  const double exact_before = distance_to_data(exact_velocity, times);
  const double before = distance_to_data(velocity_of(generator), times);
  // Undistilled, two steps are far from the data, whether the velocity is exact or learned.
  CHECK(exact_before > 0.3);
  CHECK(before > 0.3);

  torch::optim::Adam generator_adam(generator->parameters(), torch::optim::AdamOptions(1e-3).betas({0.0, 0.99}));
  torch::optim::Adam critic_adam(critic->parameters(), torch::optim::AdamOptions(3e-3).betas({0.0, 0.99}));
  const auto generate = [&] {
    const auto sampler =
        diffusion::make_sampler(diffusion::SamplerKind::kRenoise, times,
                                [&](int64_t, const at::Tensor& like) { return draw(like.size(0), random); });
    const int64_t step = torch::randint(2, {1}, random).item<int64_t>();
    return simulate_backward(velocity_of(generator), *sampler, step, draw(batch, random), {}).x0_hat_BCTHW;
  };
  for (int cycle = 0; cycle < 300; ++cycle) {
    for (int update = 0; update < 4; ++update) {
      critic_adam.zero_grad();
      const linvideo::FlowPair pair = linvideo::renoised_pair(generate(), {}, config.min_t, config.max_t, 2, random);
      linvideo::mse_objective(critic->forward(pair.x_BCTHW, 1000 * pair.t_B), pair.velocity_BCTHW).backward();
      critic_adam.step();
    }
    generator_adam.zero_grad();
    linvideo::dmd_objective(generate(), {}, velocity_of(critic), exact_velocity, config, 2, random).backward();
    generator_adam.step();
  }
  const double after = distance_to_data(velocity_of(generator), times);
  INFO("W1 before " << before << ", after " << after);
  // The two networks chase each other, so the distance wanders between 0.3 and 0.5 of the start after 200 cycles.
  CHECK(after < 0.6 * before);
}
