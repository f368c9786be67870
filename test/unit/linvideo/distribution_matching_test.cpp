#include "lintorch/linvideo/distribution_matching.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/rng.h"

using namespace lintorch;
using namespace lintorch::linvideo;

TEST_CASE("the gradient of the matching loss with respect to x^ is d", "[distribution_matching]") {
  torch::manual_seed(7);
  const at::Tensor x_hat = torch::randn({2, 3, 1, 2, 2}, torch::kDouble).requires_grad_(true);
  const at::Tensor d = torch::randn({2, 3, 1, 2, 2}, torch::kDouble);
  const at::Tensor loss = matching_loss(x_hat, d);
  CHECK(loss.item<double>() == Approx(0.5 * d.square().mean().item<double>()));
  loss.backward();
  CHECK(torch::allclose(x_hat.grad() * x_hat.numel(), d));
}

TEST_CASE("random times have the shifted uniform distribution within their limits", "[distribution_matching]") {
  auto generator = make_generator(3);
  const double shift = 3;
  const at::Tensor t = random_times(torch::zeros({20000}, torch::kDouble), 0.001, 0.999, shift, generator);
  for (const double quantile : {0.1, 0.5, 0.9}) {
    // P(t < s u / (1 + (s - 1) u)) = u; three standard errors of a share of 20,000 draws are below 0.011.
    const double bound = shift * quantile / (1 + (shift - 1) * quantile);
    CHECK((t < bound).to(torch::kDouble).mean().item<double>() == Approx(quantile).margin(0.011));
  }
  const at::Tensor clamped = random_times(torch::zeros({1000}), 0.4, 0.5, shift, generator);
  CHECK(clamped.scalar_type() == torch::kFloat);
  CHECK(clamped.min().item<float>() == 0.4f);
  CHECK(clamped.max().item<float>() == 0.5f);
}

TEST_CASE("the clean estimate is the clean sample where the velocity is exact", "[distribution_matching]") {
  torch::manual_seed(1);
  const at::Tensor x0 = torch::randn({2, 2, 1, 2, 2}, torch::kDouble), noise = torch::randn_like(x0);
  StateBatch batch;
  batch.t_B = torch::tensor({0.25, 1.0}, torch::kDouble);
  const at::Tensor t = batch.t_B.reshape({2, 1, 1, 1, 1});
  batch.x_BCTHW = (1 - t) * x0 + t * noise;
  CHECK(torch::allclose(clean_estimate(batch, noise - x0), x0));
}
