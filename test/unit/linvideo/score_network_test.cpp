#include "lintorch/linvideo/score_network.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include <limits>

#include "lintorch/core/error.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/train/autocast.h"
#include "test/support/micro_model.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

FlowPair make_pair(uint64_t seed) {
  torch::manual_seed(seed);
  return {torch::randn({2, 4, 2, 4, 4}), torch::tensor({0.8f, 0.3f}), torch::randn({2, 5, 16}),
          torch::randn({2, 4, 2, 4, 4})};
}

at::Tensor velocity(wan::WanDit& dit, const FlowPair& pair) {
  const torch::NoGradGuard no_grad;
  return dit->forward(pair.x_BCTHW, 1000 * pair.t_B, pair.text_BSD);
}

bool equal(const TensorMap& a, const TensorMap& b) {
  for (const auto& [name, value] : a)
    if (!torch::equal(value, b.at(name))) return false;
  return a.size() == b.size();
}

TensorMap copy(const TensorMap& state) {
  TensorMap copied;
  for (const auto& [name, value] : state) copied[name] = value.clone();
  return copied;
}

}  // namespace

TEST_CASE("the score network starts as the teacher and leaves it alone", "[score_network]") {
  auto teacher = test::micro_dit();
  for (auto& parameter : teacher->parameters()) parameter.set_requires_grad(false);
  const FlowPair pair = make_pair(1);
  const at::Tensor before = velocity(teacher, pair);
  ScoreNetwork network(teacher, {.lr = 1e-2});
  CHECK(torch::equal(velocity(network.dit(), pair), before));
  const at::Tensor loss = network.update(pair);
  CHECK(loss.item<double>() == Approx((before - pair.velocity_BCTHW).square().mean().item<double>()));
  CHECK_FALSE(torch::equal(velocity(network.dit(), pair), before));
  CHECK(torch::equal(velocity(teacher, pair), before));
  for (int i = 0; i < 30; ++i) network.update(pair);
  CHECK(network.update(pair).item<double>() < 0.8 * loss.item<double>());
}

TEST_CASE("its updates are those of LibTorch's AdamW on the flow-matching loss", "[score_network]") {
  auto teacher = test::micro_dit();
  teacher->to(at::kDouble);
  ScoreNetwork network(teacher, {.lr = 1e-3});
  auto reference = copy_wan_dit(teacher);
  torch::optim::AdamW adam(reference->parameters(), torch::optim::AdamWOptions(1e-3).weight_decay(0.01));
  for (uint64_t i = 0; i < 3; ++i) {
    FlowPair pair = make_pair(i);
    for (at::Tensor* tensor : {&pair.x_BCTHW, &pair.t_B, &pair.text_BSD, &pair.velocity_BCTHW})
      *tensor = tensor->to(at::kDouble);
    network.update(pair);
    adam.zero_grad();
    const at::Tensor v = reference->forward(pair.x_BCTHW, 1000 * pair.t_B, pair.text_BSD);
    torch::mse_loss(v, pair.velocity_BCTHW).backward();
    torch::nn::utils::clip_grad_norm_(reference->parameters(), 1.0);
    adam.step();
  }
  const auto expected = reference->named_parameters();
  for (const auto& p : network.dit()->named_parameters()) {
    INFO(p.key());
    // The norm is summed in fp32.
    CHECK((p.value() - expected[p.key()]).abs().max().item<double>() < 1e-6 * 1e-3 * 3);
  }
}

TEST_CASE("a loaded score network goes on bit for bit", "[score_network]") {
  auto teacher = test::micro_dit();
  ScoreNetwork whole(teacher, {.lr = 1e-3}), resumed(teacher, {.lr = 1e-3});
  whole.update(make_pair(1));
  resumed.load_state(copy(whole.state()));
  whole.update(make_pair(2));
  resumed.update(make_pair(2));
  CHECK(equal(whole.state(), resumed.state()));
  TensorMap state = copy(whole.state());
  state.erase("model/proj_out.weight");
  CHECK_THROWS_AS(resumed.load_state(state), CheckpointError);
  state["model/proj_out.weight"] = torch::zeros({1});
  CHECK_THROWS_WITH(resumed.load_state(state), Catch::Contains("proj_out.weight has another shape"));
}

TEST_CASE("a pair that is not finite changes nothing", "[score_network]") {
  auto teacher = test::micro_dit();
  ScoreNetwork network(teacher, {.lr = 1e-3});
  network.update(make_pair(1));
  const TensorMap before = copy(network.state());
  FlowPair pair = make_pair(2);
  pair.velocity_BCTHW[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(network.update(pair).item<double>()));
  CHECK(equal(network.state(), before));
}

TEST_CASE("under autocast the score network is evaluated with the weights it has after its update", "[score_network]") {
  auto teacher = test::micro_dit();
  ScoreNetwork network(teacher, {.lr = 1e-1});
  const FlowPair pair = make_pair(1);
  at::Tensor inside;
  {
    const train::AutocastScope autocast(at::kCPU, at::kBFloat16);
    network.update(pair);
    inside = velocity(network.dit(), pair);
  }
  const train::AutocastScope autocast(at::kCPU, at::kBFloat16);
  CHECK(torch::equal(inside, velocity(network.dit(), pair)));
}
