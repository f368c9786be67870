#include "lintorch/layers/lora_adapter.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/layers/precision.h"
#include "lintorch/train/autocast.h"

using namespace lintorch;
using namespace lintorch::layers;

namespace {

struct Fixture {
  explicit Fixture(at::ScalarType dtype) {
    torch::manual_seed(3);
    linear = torch::nn::Linear(6, 4);
    linear->to(dtype);
    x = torch::randn({2, 5, 6}, dtype);
    adapter = LoraAdapter(torch::randn({3, 6}, dtype), 4, 0.5);
  }
  torch::nn::Linear linear{nullptr};
  LoraAdapter adapter{nullptr};
  at::Tensor x;
};

}  // namespace

TEST_CASE("a linear layer with an adapter computes with W + scale B A", "[lora_adapter]") {
  Fixture f(at::kDouble);
  const at::Tensor plain = apply_linear(f.linear, f.x);
  add_lora_adapter(*f.linear, f.adapter);
  CHECK(torch::equal(apply_linear(f.linear, f.x), plain));  // B = 0
  torch::NoGradGuard no_grad;
  f.adapter->b.normal_();
  const at::Tensor merged = f.linear->weight + 0.5 * torch::mm(f.adapter->b, f.adapter->a);
  CHECK(torch::allclose(apply_linear(f.linear, f.x), torch::matmul(f.x, merged.t()) + f.linear->bias, 1e-12, 1e-12));
}

TEST_CASE("adapters appear under the layer's name, once, and train while the weight is frozen", "[lora_adapter]") {
  Fixture f(at::kFloat);
  CHECK_FALSE(find_lora_adapter(*f.linear));
  add_lora_adapter(*f.linear, f.adapter);
  CHECK(find_lora_adapter(*f.linear) == f.adapter.ptr());
  CHECK(f.linear->named_parameters().contains("lora.a"));
  CHECK(f.linear->named_parameters().contains("lora.b"));
  CHECK_THROWS_AS(add_lora_adapter(*f.linear, f.adapter), Error);
  f.linear->weight.set_requires_grad(false);
  f.linear->bias.set_requires_grad(false);
  apply_linear(f.linear, f.x).sum().backward();
  CHECK_FALSE(f.linear->weight.grad().defined());
  CHECK(f.adapter->b.grad().norm().item<double>() > 0);
  CHECK(f.adapter->a.grad().norm().item<double>() == 0);  // B = 0
}

TEST_CASE("under autocast the adapter runs in the dtype of the layer's product", "[lora_adapter]") {
  Fixture f(at::kFloat);
  add_lora_adapter(*f.linear, f.adapter);
  const train::AutocastScope autocast(at::kCPU, at::kBFloat16);
  CHECK(apply_linear(f.linear, f.x).scalar_type() == at::kBFloat16);
}
