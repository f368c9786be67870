#include "lintorch/linvideo/lora.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/linvideo/student.h"
#include "test/support/micro_model.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

at::Tensor velocity(wan::WanDit& dit) {
  torch::NoGradGuard no_grad;
  torch::manual_seed(2);
  const auto fp64 = at::kDouble;
  return dit->forward(torch::randn({1, 4, 2, 4, 4}, fp64), torch::full({1}, 500.0, fp64),
                      torch::randn({1, 5, 16}, fp64));
}

wan::WanDit double_dit() {
  auto dit = test::micro_dit();
  dit->to(at::kDouble);
  return dit;
}

TensorMap adapters_of(wan::WanDit& dit) {
  TensorMap adapters;
  for (const auto& p : dit->named_parameters())
    if (is_lora_parameter(p.key())) adapters[p.key()] = p.value();
  return adapters;
}

}  // namespace

TEST_CASE("adapters sit where the config says and start without effect", "[lora]") {
  auto dit = double_dit();
  const at::Tensor before = velocity(dit);
  LoraConfig config;
  config.rank = 3;
  config.modules = {"attn1.to_out.0", "attn2.to_q", "ffn.net.0.proj"};
  add_lora(dit, config, 7);
  CHECK(torch::equal(velocity(dit), before));
  const TensorMap adapters = adapters_of(dit);
  CHECK(adapters.size() == 4 * 3 * 2);
  CHECK((adapters.at("blocks.3.ffn.net.0.proj.lora.a").sizes() == at::IntArrayRef{3, 16}));
  CHECK((adapters.at("blocks.3.ffn.net.0.proj.lora.b").sizes() == at::IntArrayRef{32, 3}));
  const at::Tensor a = adapters.at("blocks.0.attn1.to_out.0.lora.a");
  CHECK(a.abs().max().item<double>() <= 0.25);  // 1 / sqrt(16)
  CHECK(a.abs().max().item<double>() > 0.2);
  CHECK_FALSE(torch::equal(a, adapters.at("blocks.1.attn1.to_out.0.lora.a")));
  auto same = double_dit();
  add_lora(same, config, 7);
  CHECK(torch::equal(a, adapters_of(same).at("blocks.0.attn1.to_out.0.lora.a")));
}

TEST_CASE("merging adapters gives an ordinary model of the same function", "[lora]") {
  auto dit = double_dit();
  LoraConfig config;
  config.rank = 2;
  config.alpha = 6;
  config.modules.push_back("ffn.net.2");
  add_lora(dit, config, 7);
  torch::NoGradGuard no_grad;
  auto original = double_dit();
  for (auto& [name, value] : adapters_of(dit)) value.copy_(0.3 * torch::randn_like(value));
  auto merged = double_dit();
  TensorMap state = layers::module_state(*merged);
  merge_lora(state, adapters_of(dit), config);
  const TensorMap adapters = adapters_of(dit);
  const at::Tensor expected =
      original->block(1)->ffn_out->weight +
      3 * torch::mm(adapters.at("blocks.1.ffn.net.2.lora.b"), adapters.at("blocks.1.ffn.net.2.lora.a"));
  CHECK(torch::equal(state.at("blocks.1.ffn.net.2.weight"), expected));
  layers::load_module_state(*merged, state, "test");
  const at::Tensor v = velocity(dit);
  CHECK((velocity(merged) - v).norm().item<double>() < 1e-12 * v.norm().item<double>());
  CHECK((velocity(original) - v).norm().item<double>() > 1e-2 * v.norm().item<double>());
}

TEST_CASE("only adapters and maps train; everything else shares the teacher's storage", "[lora]") {
  auto teacher = test::micro_dit();
  auto student = copy_wan_dit(teacher);
  add_lora(student, LoraConfig(), 1);
  const auto parameters = select_parameters(student, teacher, TrainableKind::kLora);
  CHECK(parameters.backbone.size() == 4 * 4 * 2);
  const auto originals = teacher->named_parameters();
  for (const auto& p : student->named_parameters()) {
    CHECK(p.value().requires_grad() == is_lora_parameter(p.key()));
    if (!is_lora_parameter(p.key())) CHECK(p.value().data_ptr() == originals[p.key()].data_ptr());
  }
}

TEST_CASE("modules that a block does not have, and halves of adapters, are refused", "[lora]") {
  auto dit = double_dit();
  LoraConfig config;
  config.modules = {"attn1.norm_q"};
  CHECK_THROWS_WITH(add_lora(dit, config, 0), Catch::Contains("lora.modules") && Catch::Contains("attn1.to_out.0") &&
                                                  Catch::Contains("got attn1.norm_q"));
  TensorMap state = layers::module_state(*dit);
  CHECK_THROWS_WITH(merge_lora(state, {{"blocks.0.attn1.to_q.lora.a", torch::zeros({2, 16})}}, config),
                    Catch::Contains("other half"));
}
