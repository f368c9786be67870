#include "lintorch/train/optimizer.h"

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"

namespace lintorch::train {
namespace {

std::vector<at::Tensor> make_parameters(at::ScalarType dtype = at::kFloat) {
  auto generator = make_generator(5);
  return {at::randn({3, 4}, generator).to(dtype).requires_grad_(),
          at::randn({7}, generator).to(dtype).requires_grad_()};
}

at::Tensor random_like(const at::Tensor& tensor, uint64_t seed) {
  return at::randn(tensor.sizes(), make_generator(seed)).mul_(2).to(tensor.scalar_type());
}

ParameterGroup group_of(const std::string& name, const std::vector<at::Tensor>& parameters) {
  ParameterGroup group{.name = name};
  for (size_t i = 0; i < parameters.size(); ++i) group.parameters.emplace_back(name + std::to_string(i), parameters[i]);
  return group;
}

TrainerConfig config_with(double clip_norm) {
  TrainerConfig config;
  config.weight_decay = 0.1;
  config.betas = {0.8, 0.95};
  config.clip_norm = clip_norm;
  return config;
}

const auto kNoSkip = [] { return at::zeros({}); };

void update(Optimizer& optimizer, std::vector<bool> stepping, double lr, const at::Tensor& skip = kNoSkip()) {
  optimizer.step(
      stepping, [lr](const ParameterGroup&) { return lr; }, optimizer.gradient_norm(stepping), skip);
}

TEST_CASE("ten AdamW steps with clipping equal torch::optim::AdamW", "[optimizer]") {
  const double clip_norm = GENERATE(0.0, 1.0, 100.0);
  const auto dtype = GENERATE(at::kFloat, at::kDouble);
  const auto ours = make_parameters(dtype);
  const auto theirs = make_parameters(dtype);
  Optimizer optimizer({group_of("p", ours)}, config_with(clip_norm));
  torch::optim::AdamW reference(theirs, torch::optim::AdamWOptions(0.02).weight_decay(0.1).betas({0.8, 0.95}));
  for (uint64_t step = 0; step < 10; ++step) {
    for (size_t i = 0; i < ours.size(); ++i) {
      ours[i].mutable_grad() = random_like(ours[i], 100 * step + i);
      theirs[i].mutable_grad() = random_like(ours[i], 100 * step + i);
    }
    if (clip_norm > 0) torch::nn::utils::clip_grad_norm_(theirs, clip_norm);
    reference.step();
    update(optimizer, {true}, 0.02);
  }
  // The scale of clipping is kept in fp32.
  const double tolerance = dtype == at::kDouble && clip_norm == 0 ? 1e-13 : 2e-6;
  for (size_t i = 0; i < ours.size(); ++i) CHECK((ours[i] - theirs[i]).abs().max().item<double>() < tolerance);
  CHECK((ours[0] - make_parameters(dtype)[0]).abs().max().item<double>() > 0.05);
}

TEST_CASE("the gradient norm spans the groups that step", "[optimizer]") {
  const auto a = make_parameters(), b = make_parameters(at::kDouble);
  Optimizer optimizer({group_of("a", a), group_of("b", b)}, config_with(0));
  a[0].mutable_grad() = at::full_like(a[0], 2.0).requires_grad_(false);  // norm sqrt(12 * 4)
  b[1].mutable_grad() = at::full_like(b[1], 3.0).requires_grad_(false);  // norm sqrt(7 * 9)
  CHECK(optimizer.gradient_norm({true, true}).item<double>() == Approx(std::sqrt(48.0 + 63.0)));
  CHECK(optimizer.gradient_norm({true, false}).item<double>() == Approx(std::sqrt(48.0)));
  optimizer.zero_grad();
  CHECK_FALSE(a[0].grad().defined());
  CHECK_THROWS_WITH(optimizer.gradient_norm({true, true}), Catch::Contains("no parameter that steps has a gradient"));
}

TEST_CASE("a skipped update leaves parameters and optimizer state alone", "[optimizer]") {
  const auto p = make_parameters();
  Optimizer optimizer({group_of("p", p)}, config_with(1.0));
  for (size_t i = 0; i < p.size(); ++i) p[i].mutable_grad() = random_like(p[i], i);
  update(optimizer, {true}, 0.1);
  TensorMap before = optimizer.state();
  for (auto& [name, tensor] : before) tensor = tensor.clone();
  const auto weights = p[0].detach().clone();
  p[0].mutable_grad().fill_(std::numeric_limits<float>::quiet_NaN());
  update(optimizer, {true}, 0.1, at::ones({}));
  CHECK(p[0].equal(weights));
  for (const auto& [name, tensor] : optimizer.state()) {
    INFO(name);
    CHECK(tensor.equal(before.at(name)));
  }
}

TEST_CASE("parameters without a gradient and groups that rest keep their own step counts", "[optimizer]") {
  const auto a = make_parameters(), b = make_parameters();
  Optimizer optimizer({group_of("a", a), group_of("b", b)}, config_with(0));
  a[0].mutable_grad() = random_like(a[0], 1);
  for (const auto& parameter : b) parameter.mutable_grad() = random_like(parameter, 2);
  const auto resting_a1 = a[1].detach().clone(), resting_b0 = b[0].detach().clone();
  update(optimizer, {true, false}, 0.1);
  CHECK(a[1].equal(resting_a1));
  CHECK(b[0].equal(resting_b0));
  CHECK_FALSE(a[0].equal(make_parameters()[0]));
  CHECK(optimizer.state().at("step/a").equal(at::tensor({1.0f, 0.0f})));
  CHECK(optimizer.state().at("step/b").equal(at::zeros({2})));
}

TEST_CASE("clamped groups stay in their range", "[optimizer]") {
  const auto p = make_parameters();
  auto group = group_of("p", p);
  group.min_value = -0.25;
  group.max_value = 0.5;
  Optimizer optimizer({group}, config_with(0));
  for (size_t i = 0; i < p.size(); ++i) p[i].mutable_grad() = random_like(p[i], i);
  update(optimizer, {true}, 1.0);
  CHECK(p[0].min().item<float>() == -0.25f);
  CHECK(p[0].max().item<float>() == 0.5f);
}

TEST_CASE("optimizer state loads back and refuses what does not fit", "[optimizer]") {
  const auto a = make_parameters(), b = make_parameters();
  Optimizer one({group_of("p", a)}, config_with(1.0)), two({group_of("p", b)}, config_with(1.0));
  const auto grads = [&](const std::vector<at::Tensor>& p, uint64_t seed) {
    for (size_t i = 0; i < p.size(); ++i) p[i].mutable_grad() = random_like(p[i], seed + i);
  };
  grads(a, 1);
  update(one, {true}, 0.1);
  two.load_state(one.state());
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < a.size(); ++i) b[i].copy_(a[i]);
  grads(a, 7);
  grads(b, 7);
  update(one, {true}, 0.1);
  update(two, {true}, 0.1);
  CHECK(a[0].equal(b[0]));

  TensorMap broken = one.state();
  broken.erase("exp_avg/p1");
  CHECK_THROWS_AS(two.load_state(broken), CheckpointError);
  broken["exp_avg/p1"] = at::zeros({6});
  CHECK_THROWS_WITH(two.load_state(broken), Catch::Contains("exp_avg/p1 has another shape"));
}

TEST_CASE("the optimizer refuses parameters it cannot train", "[optimizer]") {
  const auto p = make_parameters();
  const auto config = config_with(0);
  const auto build = [&](std::vector<ParameterGroup> groups) { Optimizer optimizer(std::move(groups), config); };
  CHECK_THROWS_WITH(build({}), Catch::Contains("at least one parameter group"));
  CHECK_THROWS_WITH(build({{.name = "empty"}}), Catch::Contains("empty has no parameters"));
  CHECK_THROWS_WITH(build({group_of("p", {p[0]}), group_of("p", {p[1]})}), Catch::Contains("group p appears twice"));
  ParameterGroup twice{.name = "q", .parameters = {{"x", p[0]}, {"x", p[1]}}};
  CHECK_THROWS_WITH(build({twice}), Catch::Contains("parameter x appears twice"));
  CHECK_THROWS_WITH(build({group_of("p", {at::zeros({2})})}), Catch::Contains("not a trainable leaf"));
  CHECK_THROWS_WITH(build({group_of("p", make_parameters(at::kBFloat16))}), Catch::Contains("expected fp32"));
}

}  // namespace
}  // namespace lintorch::train
