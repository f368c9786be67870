#include "lintorch/linvideo/mixed_core.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/layers/softmax_core.h"
#include "lintorch/ops/rope_3d.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

/// Both branches, the mixed core over them, and inputs: 2 samples, 7 tokens, 2 heads x 4.
struct Fixture {
  explicit Fixture(double r, at::ScalarType dtype = at::kDouble) {
    torch::manual_seed(3);
    gates = torch::tensor({0.25, r}, dtype).requires_grad_(true);
    linear = std::make_shared<layers::LinearCore>(
        2, 4, layers::LinearAttentionConfig{ops::FeatureMap::kHedgehog, 4, layers::FeatureMapInit::kKaiming});
    linear->to(dtype);
    core = std::make_shared<MixedCore>(softmax, linear, gates, 1);
    for (auto* tensor : {&q, &k, &v}) *tensor = torch::randn({2, 7, 2, 4}, dtype).requires_grad_(true);
  }
  at::Tensor gates, q, k, v;
  std::shared_ptr<layers::SoftmaxCore> softmax = std::make_shared<layers::SoftmaxCore>();
  std::shared_ptr<layers::LinearCore> linear;
  std::shared_ptr<MixedCore> core;
};

}  // namespace

TEST_CASE("r = 1 is the softmax output bit for bit, r = 0 the linear one", "[mixed_core]") {
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    Fixture one(1.0, dtype), zero(0.0, dtype);
    CHECK(torch::equal(one.core->forward(one.q, one.k, one.v), one.softmax->forward(one.q, one.k, one.v)));
    CHECK(torch::equal(zero.core->forward(zero.q, zero.k, zero.v), zero.linear->forward(zero.q, zero.k, zero.v)));
  }
}

TEST_CASE("the gradient of r is <do, softmax - linear>", "[mixed_core]") {
  Fixture f(0.7);
  const at::Tensor output = f.core->forward(f.q, f.k, f.v);
  const at::Tensor d_output = torch::randn_like(output);
  output.backward(d_output);
  const at::Tensor difference = f.softmax->forward(f.q, f.k, f.v) - f.linear->forward(f.q, f.k, f.v);
  CHECK(f.gates.grad()[1].item<double>() == Approx((d_output * difference).sum().item<double>()).epsilon(1e-12));
  CHECK(f.gates.grad()[0].item<double>() == 0);
  CHECK(f.linear->w_q.grad().abs().max().item<double>() > 0);
  CHECK(f.q.grad().abs().max().item<double>() > 0);
}

TEST_CASE("a frozen core evaluates one branch and no gate", "[mixed_core]") {
  Fixture f(0.5);
  f.core->set_mode(MixedMode::kSoftmax);
  const at::Tensor soft = f.core->forward(f.q, f.k, f.v);
  CHECK(torch::equal(soft, f.softmax->forward(f.q, f.k, f.v)));
  soft.sum().backward();
  CHECK_FALSE(f.gates.grad().defined());
  CHECK_FALSE(f.linear->w_q.grad().defined());

  f.core->set_mode(MixedMode::kLinear);
  const at::Tensor lin = f.core->forward(f.q, f.k, f.v);
  CHECK(torch::equal(lin, f.linear->forward(f.q, f.k, f.v)));
  lin.sum().backward();
  CHECK_FALSE(f.gates.grad().defined());
}

TEST_CASE("distilling returns the softmax output and trains the feature map alone", "[mixed_core]") {
  Fixture f(0.5);
  f.core->set_mode(MixedMode::kDistill);
  at::Tensor output;
  {
    torch::NoGradGuard no_grad;
    output = f.core->forward(f.q, f.k, f.v);
  }
  const at::Tensor soft = f.softmax->forward(f.q, f.k, f.v);
  CHECK(torch::equal(output, soft));
  const at::Tensor loss = f.core->take_distillation_loss();
  const at::Tensor expected = (f.linear->forward(f.q, f.k, f.v) - soft).square().mean() / soft.square().mean();
  CHECK(loss.item<double>() == Approx(expected.item<double>()));
  loss.backward();
  CHECK(f.linear->w_q.grad().abs().max().item<double>() > 0);
  CHECK_FALSE(f.q.grad().defined());
  CHECK_FALSE(f.core->take_distillation_loss().defined());
}

TEST_CASE("a preview while feature maps learn sees the softmax output", "[mixed_core]") {
  Fixture f(0.5);
  f.core->set_mode(MixedMode::kDistill);
  const at::Tensor soft = f.softmax->forward(f.q, f.k, f.v);
  {
    const c10::InferenceMode inference;
    const at::Tensor q = f.q.clone(), k = f.k.clone(), v = f.v.clone();
    CHECK(torch::equal(f.core->forward(q, k, v), soft));
  }
  CHECK_FALSE(f.core->take_distillation_loss().defined());
}

TEST_CASE("the linear branch is registered under the names of a LinearCore", "[mixed_core]") {
  Fixture f(0.5);
  std::vector<std::string> names;
  for (const auto& parameter : f.core->named_parameters()) names.push_back(parameter.key());
  CHECK(names == std::vector<std::string>{"w_q", "w_k"});
  f.core->to(at::kFloat);
  CHECK(f.linear->w_q.scalar_type() == at::kFloat);
}

TEST_CASE("a mixed core hands the rotary table to its linear branch in every mode", "[mixed_core]") {
  torch::manual_seed(4);
  const at::Tensor table = ops::rope_3d_table({1, 2, 3}, 6, at::kDouble, at::kCPU);
  const auto softmax = std::make_shared<layers::SoftmaxCore>();
  const auto linear = std::make_shared<layers::LinearCore>(
      2, 6,
      layers::LinearAttentionConfig{ops::FeatureMap::kHedgehog, 6, layers::FeatureMapInit::kKaiming,
                                    layers::RopeOrder::kAfter});
  linear->to(at::kDouble);
  MixedCore core(softmax, linear, torch::tensor({0.25}, at::kDouble), 0);
  const at::Tensor q = torch::randn({2, 6, 2, 6}, at::kDouble), k = torch::randn_like(q), v = torch::randn_like(q);
  const at::Tensor soft = softmax->forward(q, k, v), lin = linear->forward(q, k, v, table);
  CHECK(torch::equal(core.forward(q, k, v, table), 0.25 * soft + 0.75 * lin));
  core.set_mode(MixedMode::kLinear);
  CHECK(torch::equal(core.forward(q, k, v, table), lin));
  core.set_mode(MixedMode::kSoftmax);
  CHECK(torch::equal(core.forward(q, k, v, table), soft));
  core.set_mode(MixedMode::kDistill);
  core.forward(q, k, v, table);
  const at::Tensor expected = (lin - soft).square().mean() / soft.square().mean();
  CHECK(core.take_distillation_loss().item<double>() == Approx(expected.item<double>()));
}
