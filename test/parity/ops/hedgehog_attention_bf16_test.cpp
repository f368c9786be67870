#include <ATen/autocast_mode.h>

#include <catch2/catch.hpp>

#include "lintorch/ops/hedgehog_attention.h"
#include "lintorch/ops/hedgehog_attention_definition.h"
#include "test/support/attention_inputs.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using namespace lintorch::test;

// Rounding to bf16 alone costs 1.7e-3; a form that does not centre V is off by 0.3 (mean 3) to 3 (mean 30) in dq, dW.
TEST_CASE("hedgehog_attention in bf16 stays accurate when V has a mean", "[hedgehog_attention_bf16]") {
  struct Case {
    double v_mean, map_scale;
  };
  for (const auto& [v_mean, map_scale] : {Case{0, 1}, Case{3, 1}, Case{30, 1}, Case{3, 4}}) {
    auto x = attention_inputs({1, 1024, 2, 64, 64, 64}, at::kBFloat16, 21, v_mean, map_scale);
    const at::Tensor grad_o = at::randn(x.v_BLNV.sizes()).to(at::kBFloat16);
    std::vector<at::Tensor> low, high;
    for (const auto& t : x.list()) {
      low.push_back(t.detach().clone().set_requires_grad(true));
      high.push_back(t.detach().to(at::kDouble).set_requires_grad(true));
    }
    const at::Tensor o = ops::hedgehog_attention(low[0], low[1], low[2], low[3], low[4]);
    const at::Tensor reference = ops::hedgehog_attention_definition(high[0], high[1], high[2], high[3], high[4]);
    REQUIRE(o.scalar_type() == at::kBFloat16);
    const auto got = torch::autograd::grad({o}, low, {grad_o});
    const auto expected = torch::autograd::grad({reference}, high, {grad_o.to(at::kDouble)});
    INFO("V mean " << v_mean << ", map scale " << map_scale);
    CHECK(relative_error(o, reference) < 4e-3);
    for (size_t i = 0; i < got.size(); ++i) {
      INFO("gradient " << i);
      CHECK(relative_error(got[i], expected[i]) < 8e-3);
    }
  }
}

TEST_CASE("hedgehog_attention under autocast runs in bf16", "[hedgehog_attention_bf16]") {
  auto x = attention_inputs({1, 65, 2, 16, 16, 16}, at::kFloat, 8, /*v_mean=*/3);
  x.w_q_NKM.set_requires_grad(true);
  const at::Tensor reference = ops::hedgehog_attention(x.q_BLNK, x.k_BLNK, x.v_BLNV, x.w_q_NKM, x.w_k_NKM);
  const at::Tensor expected_grad = torch::autograd::grad({reference.pow(2).sum()}, {x.w_q_NKM})[0];
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor o = ops::hedgehog_attention(x.q_BLNK, x.k_BLNK, x.v_BLNV, x.w_q_NKM, x.w_k_NKM);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  CHECK(o.scalar_type() == at::kBFloat16);
  CHECK(relative_error(o, reference) < 4e-3);
  const at::Tensor grad = torch::autograd::grad({o.to(at::kFloat).pow(2).sum()}, {x.w_q_NKM})[0];
  CHECK(grad.scalar_type() == at::kFloat);
  CHECK(relative_error(grad, expected_grad) < 3e-2);
}
