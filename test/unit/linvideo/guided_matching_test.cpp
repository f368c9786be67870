#include "lintorch/linvideo/guided_matching.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

TEST_CASE("the guided error is small where both branches err alike", "[guided_matching]") {
  const at::Tensor u = torch::zeros({2, 1, 1, 1, 1}, torch::kDouble);
  const auto errors = [](double cond, double uncond) {
    return torch::tensor({cond, uncond}, torch::kDouble).reshape({2, 1, 1, 1, 1});
  };
  // w = 3: g = 3 cond - 2 uncond, amplification 9 + 4.
  CHECK(guided_matching_loss(errors(1, 0), u, 3).item<double>() == Approx(9.0 / 13));
  CHECK(guided_matching_loss(errors(0, 1), u, 3).item<double>() == Approx(4.0 / 13));
  CHECK(guided_matching_loss(errors(1, 1), u, 3).item<double>() == Approx(1.0 / 13));
  CHECK(guided_matching_loss(errors(1, -1), u, 3).item<double>() == Approx(25.0 / 13));
  const at::Tensor u_hat = errors(1, -1).requires_grad_();
  guided_matching_loss(u_hat, u, 3).backward();
  // d/d(cond) (3 cond - 2 uncond)^2 / 13.
  CHECK(torch::allclose(u_hat.grad(), errors(2 * 5 * 3 / 13.0, -2 * 5 * 2 / 13.0)));
  CHECK_THROWS_WITH(guided_matching_loss(torch::zeros({3, 1}), torch::zeros({3, 1}), 3),
                    Catch::Contains("both branches"));
}

TEST_CASE("with a guided weight every state of a batch is matched on both branches", "[guided_matching]") {
  LinearizeFixture f;
  f.config.objective.guided_weight = 2;
  f.config.selective_transfer.lambda = 0;
  f.config.selective_transfer.init = 1;
  f.config.selective_transfer.init_noise = 0;
  train::MetricBag metrics;
  auto same = f.unit();
  same.before_step(0);
  CHECK(same.training_loss(0, 0, metrics).item<double>() < 1e-9);
  f.config.selective_transfer.init = 0.5;
  auto mixed = f.unit();
  mixed.before_step(0);
  metrics.flush();
  const double loss = mixed.training_loss(0, 0, metrics).item<double>();
  const auto means = metrics.flush();
  CHECK(means.at("loss/guided") > 0);
  // fp32 sums.
  CHECK(loss == Approx(means.at("loss/mse") + 2 * means.at("loss/guided")).epsilon(1e-5));

  const StateIndex a{0, 1, false}, b{1, 2, false};
  const auto both = with_other_branch({a, b});
  REQUIRE(both.size() == 4);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(both[i + 2].trajectory == both[i].trajectory);
    CHECK(both[i + 2].step == both[i].step);
    CHECK_FALSE(both[i].dropped);
    CHECK(both[i + 2].dropped);
  }
}

TEST_CASE("a guided weight needs stored trajectories that were made with guidance", "[guided_matching]") {
  LinearizeFixture f;
  f.config.objective.guided_weight = 1;
  f.config.objective.states = StateSource::kOnPolicy;
  CHECK_THROWS_WITH(f.config.objective.validate("objective"), Catch::Contains("objective.guided_weight"));
  f.config.objective.states = StateSource::kStored;
  f.config.objective.prompt_drop = 0;
  f.collect("unguided", 1);
  f.config.trajectories = (f.folder / "unguided").string();
  CHECK_THROWS_WITH(f.unit(), Catch::Contains("objective.guided_weight") && Catch::Contains("without guidance"));
}
