#include "lintorch/linvideo/feature_matching.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

TEST_CASE("the matching of hidden states is the mean of the blocks' relative errors", "[feature_matching]") {
  const at::Tensor h0 = torch::tensor({1.0f, -1.0f}), h1 = torch::tensor({3.0f, 4.0f}).requires_grad_();
  const at::Tensor a = torch::tensor({1.0f, 1.0f}).requires_grad_(), b = torch::tensor({3.0f, 5.0f}).requires_grad_();
  // (4 / 2) / (2 / 2) and (1 / 2) / (25 / 2).
  const at::Tensor loss = feature_matching_loss({a, b}, {h0, h1});
  CHECK(loss.item<float>() == Approx((2.0 + 1.0 / 25) / 2));
  loss.backward();
  CHECK(torch::allclose(a.grad(), torch::tensor({0.0f, 1.0f})));
  CHECK(torch::allclose(b.grad(), torch::tensor({0.0f, 1.0f / 25})));
  CHECK_FALSE(h1.grad().defined());
  CHECK_THROWS_AS(feature_matching_loss({a}, {h0, h1}), Error);
  CHECK_THROWS_AS(feature_matching_loss({}, {}), Error);
}

TEST_CASE("a change in one block shows in the features from this block on", "[feature_matching]") {
  const test::TempDir folder;
  test::write_micro_model(folder / "model");
  auto dit = wan::load_wan_dit(folder / "model/transformer", at::kFloat, at::kCPU);
  torch::manual_seed(1);
  const auto& config = dit->config();
  const at::Tensor x = torch::randn({2, config.in_channels, 2, 4, 4}), t = torch::tensor({300.0f, 700.0f});
  const at::Tensor text = torch::randn({2, 3, config.text_dim});
  const torch::NoGradGuard no_grad;
  const auto features = [&] {
    const BlockFeatures recorded;
    dit->forward(x, t, text);
    return recorded.values();
  };
  const auto before = features();
  REQUIRE(static_cast<int64_t>(before.size()) == config.num_layers);
  dit->block(2)->attn1->to_out->weight.add_(0.1);
  const auto after = features();
  for (size_t layer = 0; layer < before.size(); ++layer)
    CHECK(torch::equal(before[layer], after[layer]) == (layer < 2));
}

TEST_CASE("training with matched hidden states starts at zero at the teacher and logs their error",
          "[feature_matching]") {
  LinearizeFixture f;
  f.config.objective.feature_weight = 10;
  f.config.objective.features_during_choice = true;
  f.config.selective_transfer.lambda = 0;
  for (const auto states : {StateSource::kStored, StateSource::kOnPolicy}) {
    f.config.objective.states = states;
    f.config.selective_transfer.init = 1;
    f.config.selective_transfer.init_noise = 0;
    auto same = f.unit();
    train::MetricBag metrics;
    same.before_step(0);
    CHECK(same.training_loss(0, 0, metrics).item<double>() < 1e-9);
    f.config.selective_transfer.init = 0.5;
    auto mixed = f.unit();
    mixed.before_step(0);
    metrics.flush();
    const double loss = mixed.training_loss(0, 0, metrics).item<double>();
    const auto means = metrics.flush();
    CHECK(means.at("loss/features") > 0);
    // fp32 sums.
    CHECK(loss == Approx(means.at("loss/mse") + 10 * means.at("loss/features")).epsilon(1e-5));
  }
}

TEST_CASE("hidden states are matched once the choice is final, unless they may take part in it", "[feature_matching]") {
  LinearizeFixture f;
  f.config.objective.feature_weight = 10;
  const auto matched = [&](int64_t step) {
    auto unit = f.unit();
    train::MetricBag metrics;
    unit.before_step(step);
    unit.training_loss(step, 0, metrics);
    return metrics.flush().contains("loss/features");
  };
  CHECK_FALSE(matched(0));
  CHECK(matched(16));  // the freeze, at 0.8 * 20
  f.config.objective.features_during_choice = true;
  CHECK(matched(0));
}
