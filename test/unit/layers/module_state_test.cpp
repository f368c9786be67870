#include "lintorch/layers/module_state.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch;

namespace {

torch::nn::Sequential two_linears() { return torch::nn::Sequential(torch::nn::Linear(2, 3), torch::nn::Linear(3, 1)); }

}  // namespace

TEST_CASE("module_state names parameters and buffers and shares their memory", "[module_state]") {
  torch::nn::Sequential model = two_linears();
  model->register_buffer("scale", torch::ones({2}));
  const TensorMap state = layers::module_state(*model);
  REQUIRE(state.size() == 5);
  CHECK_FALSE(state.at("0.weight").requires_grad());
  state.at("1.bias").fill_(7);
  CHECK(model->named_parameters()["1.bias"].item<float>() == 7);
  CHECK(state.contains("scale"));
}

TEST_CASE("load_module_state copies values in the dtype of the parameters", "[module_state]") {
  torch::nn::Sequential source = two_linears(), target = two_linears();
  TensorMap state = layers::module_state(*source);
  for (auto& [name, tensor] : state) tensor = tensor.to(at::kDouble);
  layers::load_module_state(*target, state, "test");
  for (const auto& item : target->named_parameters()) {
    CHECK(item.value().scalar_type() == at::kFloat);
    CHECK(item.value().requires_grad());
    CHECK(torch::equal(item.value(), source->named_parameters()[item.key()]));
  }
}

TEST_CASE("load_module_state lists what does not fit and copies nothing", "[module_state]") {
  torch::nn::Sequential model = two_linears();
  const at::Tensor before = model->named_parameters()["1.weight"].detach().clone();
  TensorMap state;
  for (const auto& [name, tensor] : layers::module_state(*model)) state[name] = tensor + 1;
  state.erase("0.bias");
  state["0.weight"] = at::zeros({3, 4});
  state["2.weight"] = at::zeros({1});
  CHECK_THROWS_AS(layers::load_module_state(*model, state, "test"), CheckpointError);
  CHECK_THROWS_WITH(layers::load_module_state(*model, state, "test"),
                    Catch::Contains("[test]") && Catch::Contains("1 missing: 0.bias") &&
                        Catch::Contains("1 unexpected: 2.weight") &&
                        Catch::Contains("0.weight (expected [3, 2], got [3, 4])"));
  CHECK(torch::equal(model->named_parameters()["1.weight"], before));
}

TEST_CASE("load_module_state shortens long lists", "[module_state]") {
  torch::nn::Sequential model = two_linears();
  TensorMap state = layers::module_state(*model);
  for (int i = 0; i < 20; ++i) state["extra" + std::to_string(100 + i)] = at::zeros({1});
  CHECK_THROWS_WITH(layers::load_module_state(*model, state, "test"), Catch::Contains("20 unexpected: extra100") &&
                                                                          Catch::Contains("extra107, ...") &&
                                                                          !Catch::Contains("extra108"));
}

TEST_CASE("load_module_state copies large tensors in pieces", "[module_state]") {
  torch::nn::Linear linear(torch::nn::LinearOptions(1000, 9001).bias(false));
  const at::Tensor value = at::rand({1000, 9001}).t();  // 36 MB
  int pieces = 0;
  layers::load_module_state(*linear, {{"weight", value}}, "test", [&](const at::Tensor& tensor) {
    ++pieces;
    CHECK(tensor.data_ptr() == value.data_ptr());
  });
  CHECK(pieces == 5);
  CHECK(torch::equal(linear->weight, value));
}
