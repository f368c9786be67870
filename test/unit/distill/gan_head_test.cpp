#include "lintorch/distill/gan_head.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "test/support/micro_model.h"

using namespace lintorch;
using namespace lintorch::distill;

namespace {

struct Inputs {
  Inputs() {
    torch::manual_seed(5);
    x = torch::randn({3, 4, 2, 4, 4});
    text = torch::randn({3, 5, 16});
  }
  at::Tensor x, timestep = torch::tensor({900.f, 500.f, 100.f}), text;
};

}  // namespace

TEST_CASE("the head starts undecided and leaves the network's output alone", "[gan_head]") {
  auto critic = test::micro_dit();
  GanHead head(critic->config(), std::vector<int64_t>{}, 1);
  Inputs in;
  const auto result = head->forward(critic, in.x, in.timestep, in.text);
  CHECK(torch::equal(result.velocity_BCTHW, critic->forward(in.x, in.timestep, in.text)));
  CHECK(result.logit_B.sizes() == at::IntArrayRef({3}));
  CHECK(result.logit_B.abs().max().item<double>() == 0);
  CHECK(head->named_parameters().contains("1.hidden.weight"));  // the middle and the last of four blocks
  CHECK(head->named_parameters().contains("3.logit.weight"));
  CHECK(head->parameters().size() == 8);
  CHECK_THROWS_WITH(GanHead(critic->config(), std::vector<int64_t>{4}, 1), Catch::Contains("gan.layers"));
}

TEST_CASE("the losses are those of a non-saturating discriminator", "[gan_head]") {
  const at::Tensor real = torch::tensor({0.3, -1.2}, torch::kDouble), fake = torch::tensor({2.0, 0.1}, torch::kDouble);
  const auto softplus = [](double value) { return std::log1p(std::exp(value)); };
  CHECK(discriminator_loss(real, fake).item<double>() ==
        Approx((softplus(-0.3) + softplus(1.2)) / 2 + (softplus(2.0) + softplus(0.1)) / 2));
  CHECK(adversarial_loss(fake).item<double>() == Approx((softplus(-2.0) + softplus(-0.1)) / 2));
}

TEST_CASE("the head learns to tell two distributions, and its gradient reaches the samples", "[gan_head]") {
  auto critic = test::micro_dit();
  for (auto& parameter : critic->parameters()) parameter.set_requires_grad(false);
  GanHead head(critic->config(), std::vector<int64_t>{1, 3}, 1);
  torch::optim::Adam adam(head->parameters(), torch::optim::AdamOptions(1e-2));
  Inputs in;
  const auto draw = [&](double mean) { return mean + 0.5 * torch::randn({3, 4, 2, 4, 4}); };
  const auto loss_of = [&](const at::Tensor& real, const at::Tensor& fake) {
    return discriminator_loss(head->forward(critic, real, in.timestep, in.text).logit_B,
                              head->forward(critic, fake, in.timestep, in.text).logit_B);
  };
  const double undecided = 2 * std::log(2.0);
  CHECK(loss_of(draw(0.5), draw(-0.5)).item<double>() == Approx(undecided));
  for (int i = 0; i < 40; ++i) {
    adam.zero_grad();
    loss_of(draw(0.5), draw(-0.5)).backward();
    adam.step();
  }
  CHECK(loss_of(draw(0.5), draw(-0.5)).item<double>() < 0.5 * undecided);
  for (auto& parameter : head->parameters()) parameter.set_requires_grad(false);
  const at::Tensor fake = draw(-0.5).requires_grad_(true);
  adversarial_loss(head->forward(critic, fake, in.timestep, in.text).logit_B).backward();
  CHECK(fake.grad().abs().sum().item<double>() > 0);
}
