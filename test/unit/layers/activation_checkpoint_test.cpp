#include "lintorch/layers/activation_checkpoint.h"

#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/models/wan/dit.h"
#include "lintorch/train/autocast.h"
#include "test/support/micro_model.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using layers::checkpoint_activations;

namespace {

struct Gradients {
  at::Tensor loss, latent;
  std::map<std::string, at::Tensor> parameters;
};

Gradients gradients_of(wan::WanDit& dit, bool checkpointing) {
  torch::manual_seed(3);
  const at::Tensor latent = at::randn({2, 4, 2, 4, 4}).requires_grad_(), text = at::randn({2, 5, 16});
  const at::Tensor timestep = at::full({2}, 300.0);
  dit->zero_grad();
  dit->set_activation_checkpointing(checkpointing);
  const at::Tensor loss = dit->forward(latent, timestep, text).square().sum();
  loss.backward();
  Gradients result{loss.detach(), latent.grad(), {}};
  for (const auto& item : dit->named_parameters()) result.parameters[item.key()] = item.value().grad().clone();
  return result;
}

void check_equal(const Gradients& got, const Gradients& expected, double text_error) {
  CHECK(at::equal(got.loss, expected.loss));
  CHECK(at::equal(got.latent, expected.latent));
  for (const auto& [name, gradient] : expected.parameters) {
    INFO(name);
    if (name.find("text_embedder") == std::string::npos)
      CHECK(at::equal(got.parameters.at(name), gradient));
    else  // every block reads the text twice: another order of summation
      CHECK(test::relative_error(got.parameters.at(name), gradient) < text_error);
  }
}

}  // namespace

TEST_CASE("a checkpointed transformer has the gradients of a plain one", "[activation_checkpoint]") {
  auto dit = test::micro_dit();
  const auto plain = gradients_of(dit, false);
  REQUIRE(plain.parameters.at("blocks.0.attn1.to_q.weight").abs().sum().item<double>() > 0);
  check_equal(gradients_of(dit, true), plain, 1e-6);  // a few fp32 roundings
}

TEST_CASE("checkpointing keeps to autocast, whose cache of casts it does not use", "[activation_checkpoint]") {
  auto dit = test::micro_dit();
  const auto run = [&](bool checkpointing) {
    const train::AutocastScope autocast(at::kCPU, at::kBFloat16);
    return gradients_of(dit, checkpointing);
  };
  const auto plain = run(false);
  check_equal(run(true), plain, 1e-2);                               // a few bf16 roundings of 2^-9
  CHECK_FALSE(at::equal(plain.loss, gradients_of(dit, true).loss));  // bf16 was in force
}

TEST_CASE("f runs twice with gradients, once without, and inputs need not require any", "[activation_checkpoint]") {
  int calls = 0;
  const at::Tensor weight = at::full({3}, 2.0).requires_grad_(), x = at::arange(3, at::kFloat);
  const auto f = [&](const std::vector<at::Tensor>& in) {
    ++calls;
    return in[0] * weight * weight;
  };
  const at::Tensor y = checkpoint_activations(f, {x});
  CHECK(calls == 1);
  REQUIRE(y.requires_grad());
  y.sum().backward();
  CHECK(calls == 2);
  CHECK(at::equal(weight.grad(), 2 * x * 2.0));
  const at::NoGradGuard no_grad;
  CHECK_FALSE(checkpoint_activations(f, {x}).requires_grad());
  CHECK(calls == 3);
}

TEST_CASE("nothing of what f computes outlives the forward", "[activation_checkpoint]") {
  c10::weak_intrusive_ptr<c10::TensorImpl> inside(at::empty({1}).getIntrusivePtr());
  const auto f = [&](const std::vector<at::Tensor>& in) {
    const at::Tensor hidden = in[0].exp();  // exp keeps its result for the backward
    inside = c10::weak_intrusive_ptr<c10::TensorImpl>(hidden.getIntrusivePtr());
    return hidden * hidden;
  };
  const at::Tensor x = at::ones({4}).requires_grad_();
  const at::Tensor plain = f({x});
  CHECK_FALSE(inside.expired());
  const at::Tensor checkpointed = checkpoint_activations(f, {x});
  CHECK(inside.expired());
  checkpointed.sum().backward();
  CHECK(at::allclose(x.grad(), 2 * (2 * x.detach()).exp()));
}

TEST_CASE("gradients of gradients are refused", "[activation_checkpoint]") {
  const at::Tensor x = at::ones({2}).requires_grad_();
  const at::Tensor y = checkpoint_activations([](const auto& in) { return in[0] * in[0]; }, {x});
  CHECK_THROWS_AS(y.sum().backward({}, /*retain_graph=*/true, /*create_graph=*/true), NotSupportedError);
}
