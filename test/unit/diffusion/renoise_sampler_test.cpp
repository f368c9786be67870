#include "lintorch/diffusion/renoise_sampler.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"

using namespace lintorch;
using namespace lintorch::diffusion;

TEST_CASE("a list of training steps is warped by the closed form of the shift", "[renoise_sampler]") {
  const auto times = warp_steps({1000, 750, 500, 250}, 5);
  const double expected[] = {1.0, 15.0 / 16, 5.0 / 6, 5.0 / 8};  // s t / (1 + (s - 1) t) in fractions
  REQUIRE(times.size() == 4);
  for (size_t i = 0; i < 4; ++i) CHECK(times[i] == Approx(expected[i]).epsilon(1e-14));
  CHECK(warp_steps({1000, 757, 522}, 1) == std::vector<double>{1, 0.757, 0.522});
  CHECK(even_times(4, 5) == times);
  CHECK(even_times(1, 3) == std::vector<double>{1});
  CHECK_THROWS_WITH(warp_steps({}, 5), Catch::Contains("at least one step"));
  CHECK_THROWS_WITH(warp_steps({500, 750}, 5), Catch::Contains("got 750"));
  CHECK_THROWS_WITH(warp_steps({1001}, 5), Catch::Contains("got 1001"));
  CHECK_THROWS_WITH(warp_steps({500}, 0), Catch::Contains("positive flow shift"));
}

TEST_CASE("the sampler predicts x_0 and noises it to the next time, with the noise of that step", "[renoise_sampler]") {
  torch::manual_seed(1);
  const auto options = torch::TensorOptions(torch::kDouble);
  const at::Tensor noise[] = {torch::randn({2, 3}, options), torch::randn({2, 3}, options)};
  std::vector<int64_t> drawn;
  const auto sampler = make_sampler(SamplerKind::kRenoise, {1.0, 0.75, 0.5}, [&](int64_t step, const at::Tensor& like) {
    CHECK(like.sizes() == noise[step].sizes());
    drawn.push_back(step);
    return noise[step];
  });
  CHECK(sampler->num_steps() == 3);
  CHECK(sampler->timestep(1) == 750);
  CHECK(sampler->sigmas() == std::vector<double>{1.0, 0.75, 0.5, 0.0});
  at::Tensor x = torch::randn({2, 3}, options);
  for (int64_t i = 0; i < 3; ++i) {
    const at::Tensor velocity = torch::sin(x);
    const double t = sampler->sigmas()[i], next = sampler->sigmas()[i + 1];
    const at::Tensor x0 = x - t * velocity;
    const at::Tensor expected = i < 2 ? (1 - next) * x0 + next * noise[i] : x0;
    x = sampler->step(velocity, i, x);
    CHECK(torch::allclose(x, expected, 1e-12, 1e-12));
  }
  CHECK(drawn == std::vector<int64_t>{0, 1});
}

TEST_CASE("a perfect few-step model gives the data's distribution at any times", "[renoise_sampler]") {
  // Data N(0.5, 0.3^2). The end of the exact flow from (x, t) is m + s (x - (1 - t) m) / sqrt((1 - t)^2 s^2 + t^2).
  const double m = 0.5, s = 0.3;
  auto generator = make_generator(3);
  const int64_t n = 200000;
  const auto draw = [&](int64_t, const at::Tensor& like) {
    return torch::randn(like.sizes(), generator, like.options());
  };
  for (const auto& times : std::vector<std::vector<double>>{{1.0}, {1.0, 0.6}, {1.0, 0.9375, 0.8333, 0.625}}) {
    const auto sampler = make_sampler(SamplerKind::kRenoise, times, draw);
    at::Tensor x = torch::randn({n}, generator, torch::TensorOptions(torch::kDouble));
    for (int64_t i = 0; i < sampler->num_steps(); ++i) {
      const double t = sampler->sigmas()[i];
      const at::Tensor x0 = m + s * (x - (1 - t) * m) / std::sqrt((1 - t) * (1 - t) * s * s + t * t);
      x = sampler->step((x - x0) / t, i, x);
    }
    // Four standard errors: s / sqrt(n) = 7e-4 of the mean, s / sqrt(2 n) of the deviation.
    CHECK(x.mean().item<double>() == Approx(m).margin(2.7e-3));
    CHECK(x.std().item<double>() == Approx(s).margin(1.9e-3));
  }
}

TEST_CASE("Euler at given times follows them without rounding", "[renoise_sampler]") {
  const auto sampler = make_sampler(SamplerKind::kEuler, {1.0, 0.9375});
  CHECK(sampler->timestep(1) == 937.5);
  const at::Tensor x = torch::tensor({2.0}, torch::kDouble), v = torch::tensor({4.0}, torch::kDouble);
  CHECK(sampler->step(v, 0, x).item<double>() == 2 - 0.0625 * 4);
}

TEST_CASE("the times and the noise of a few-step sampler are checked", "[renoise_sampler]") {
  CHECK_THROWS_WITH(make_sampler(SamplerKind::kRenoise, 4, 3.0), Catch::Contains("needs its seeds"));
  CHECK_THROWS_WITH(make_sampler(SamplerKind::kUniPc, {1.0, 0.5}), Catch::Contains("got unipc"));
  CHECK_THROWS_AS(make_sampler(SamplerKind::kEuler, {0.5, 0.75}), ConfigError);
  const auto noise = [](int64_t, const at::Tensor& like) { return torch::zeros_like(like); };
  CHECK(make_sampler(SamplerKind::kRenoise, 4, 5.0, SigmaConvention::kWan, noise)->sigmas()[1] == Approx(0.9375));
}
