#include "lintorch/ops/fp8_attention.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "test/support/softmax_inputs.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using test::SoftmaxInputs;

namespace {

at::Tensor rounded(const at::Tensor& x) { return x.to(at::kFloat8_e4m3fn).to(x.scalar_type()); }

}  // namespace

TEST_CASE("FP8 attention stays near its definition, whatever the means of k and v", "[fp8_attention]") {
  struct Case {
    at::ScalarType dtype;
    double mean, spread;
  };
  for (const Case& c : {Case{at::kFloat, 0, 1},
                        {at::kFloat, 0, 0.01},
                        {at::kFloat, 10, 50},
                        {at::kFloat, 100, 1},
                        {at::kBFloat16, 0, 1},
                        {at::kBFloat16, 10, 1}}) {
    INFO(c10::toString(c.dtype) << ", mean " << c.mean << ", spread of v " << c.spread);
    const SoftmaxInputs x({2, 70, 130, 3, 32, 48}, c.dtype, 7, c.mean, c.spread);
    const double error = x.centred_error(ops::fp8_attention(x.q_BLNK, x.k_BSNK, x.v_BSNV));
    // e4m3 rounds with 2.7 % rms. Weights e^x of normal logits x of deviation 1 leave sqrt(1 - 1/e) of the output's norm when
    // the mean of v is taken off, but all of its noise: q, k, the weights and v cost 3.4 % each, the output's rounding 2.7,
    // 7.3 % together. On top what the output's own format costs.
    CHECK(error < 0.08 + x.centred_error(x.exact().to(c.dtype)));
    CHECK(error > 0.03);
  }
}

TEST_CASE("rounded with their means, k or v alone would cost four times that", "[fp8_attention]") {
  const SoftmaxInputs x({2, 70, 130, 3, 32, 48}, at::kFloat, 7, 10, 1);
  CHECK(x.centred_error(SoftmaxInputs(x.q_BLNK, rounded(x.k_BSNK), x.v_BSNV).exact()) > 0.2);
  CHECK(x.centred_error(SoftmaxInputs(x.q_BLNK, x.k_BSNK, rounded(x.v_BSNV)).exact()) > 0.2);
}

TEST_CASE("FP8 attention takes strided tensors of any magnitude", "[fp8_attention]") {
  torch::manual_seed(8);
  const at::Tensor qkv = at::randn({2, 40, 3, 4, 16});  // [B, L, q k v, N, K], as one product would give them
  const at::Tensor q = qkv.select(2, 0), k = qkv.select(2, 1);
  const at::Tensor v = qkv.select(2, 2).transpose(1, 2).contiguous().transpose(1, 2);
  const at::Tensor o = ops::fp8_attention(q, k, v);
  CHECK(o.is_contiguous());
  CHECK(at::equal(o, ops::fp8_attention(q.contiguous(), k.contiguous(), v.contiguous())));
  CHECK_FALSE(at::equal(o, ops::fp8_attention(q, k, v.flip(1))));
  // Powers of two only move the exponent.
  CHECK(at::equal(ops::fp8_attention(q * 1024, k / 1024, v * 0.125), o * 0.125));
  CHECK(at::equal(ops::fp8_attention(q, k, v * 0), at::zeros_like(o)));
  // A sample does not depend on the others in its batch, but for elements below the range of e4m3.
  const auto first = [](const at::Tensor& x) { return x.narrow(0, 0, 1); };
  const at::Tensor factor = at::tensor({1.0f, 3.0f}).view({2, 1, 1, 1});
  CHECK(test::relative_error(first(ops::fp8_attention(q * factor, k * factor, v * factor)),
                             ops::fp8_attention(first(q), first(k), first(v))) < 1e-4);
}

TEST_CASE("FP8 attention names what it does not take", "[fp8_attention]") {
  const at::Tensor q = at::zeros({2, 7, 3, 16}), none = at::zeros({2, 0, 3, 16});
  CHECK_THROWS_AS(ops::fp8_attention(q, at::zeros({2, 7, 2, 16}), q), Error);
  CHECK_THROWS_AS(ops::fp8_attention(q, q, at::zeros({2, 8, 3, 16})), Error);
  CHECK_THROWS_AS(ops::fp8_attention(q, none, none), Error);
  CHECK_THROWS_AS(ops::fp8_attention(q, q, q.to(at::kBFloat16)), NotSupportedError);
  const at::Tensor wide = q.to(at::kDouble);
  CHECK_THROWS_AS(ops::fp8_attention(wide, wide, wide), NotSupportedError);
  CHECK_THROWS_WITH(ops::fp8_attention(at::zeros_like(q).requires_grad_(), q, q), Catch::Contains("gradients"));
}
