#include "lintorch/linvideo/selection_losses.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

using namespace lintorch::linvideo;

namespace {

at::Tensor gates(std::vector<double> values) { return torch::tensor(values, torch::kDouble).requires_grad_(true); }

}  // namespace

TEST_CASE("L_con is the squared distance of the linear count from its target", "[selection_losses]") {
  const at::Tensor r = gates({0.0, 0.2, 0.49, 0.51, 1.0});  // three round to 0 = linear
  CHECK(constraint_loss(r, 3).item<double>() == 0);
  CHECK(constraint_loss(r, 5).item<double>() == 4);
  CHECK(constraint_loss(r, 1).item<double>() == 4);
}

TEST_CASE("L_con's straight-through gradient is -2 (count - target) for every gate", "[selection_losses]") {
  for (const int64_t target : {1, 3, 4}) {
    const at::Tensor r = gates({0.0, 0.2, 0.49, 0.51, 1.0});
    constraint_loss(r, target).backward();
    CHECK(torch::equal(r.grad(), torch::full({5}, -2.0 * (3 - target), torch::kDouble)));
  }
}

TEST_CASE("L_reg has the values of its formula", "[selection_losses]") {
  // 1 - |2r - 1|^alpha at r = 0, 0.25, 0.5, 1.
  CHECK(regularization_loss(gates({0.0}), 2).item<double>() == Approx(0).margin(1e-15));
  CHECK(regularization_loss(gates({0.25}), 2).item<double>() == Approx(0.75));
  CHECK(regularization_loss(gates({0.5}), 2).item<double>() == Approx(1));
  CHECK(regularization_loss(gates({1.0}), 2).item<double>() == Approx(0).margin(1e-15));
  CHECK(regularization_loss(gates({0.25}), 20).item<double>() == Approx(1 - std::pow(0.5, 20)));
  CHECK(regularization_loss(gates({0.0, 0.25, 0.5, 1.0}), 20).item<double>() == Approx(2 - std::pow(0.5, 20)));
}

TEST_CASE("L_reg's gradient pushes gates away from one half", "[selection_losses]") {
  // d/dr = -2 alpha |2r-1|^(alpha-1) sign(2r-1)
  for (const double alpha : {2.0, 20.0}) {
    const at::Tensor r = gates({0.1, 0.5, 0.75, 1.0});
    regularization_loss(r, alpha).backward();
    CHECK(r.grad()[0].item<double>() == Approx(2 * alpha * std::pow(0.8, alpha - 1)));
    CHECK(r.grad()[1].item<double>() == 0);
    CHECK(r.grad()[2].item<double>() == Approx(-2 * alpha * std::pow(0.5, alpha - 1)));
    CHECK(r.grad()[3].item<double>() == Approx(-2 * alpha));
  }
}

TEST_CASE("alpha goes linearly to its end and stays there", "[selection_losses]") {
  CHECK(anneal_alpha(0.0, 20, 2, 0.5) == 20);
  CHECK(anneal_alpha(0.25, 20, 2, 0.5) == Approx(11));
  CHECK(anneal_alpha(0.5, 20, 2, 0.5) == 2);
  CHECK(anneal_alpha(0.9, 20, 2, 0.5) == 2);
  CHECK(anneal_alpha(1.0, 20, 2, 1.0) == 2);
}
