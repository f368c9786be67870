#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/ops/fp8_attention.h"
#include "lintorch/ops/fused_kernels.h"
#include "test/support/poisoned_memory.h"
#include "test/support/softmax_inputs.h"
#include "test/support/tensor_near.h"

using namespace lintorch;
using test::SoftmaxInputs;

namespace {

at::Tensor attend(const SoftmaxInputs& x) { return ops::fp8_attention(x.q_BLNK, x.k_BSNK, x.v_BSNV); }

at::Tensor composed(const SoftmaxInputs& x) {
  ops::set_fused_kernels(ops::FusedKernels::kOff);
  const at::Tensor o = attend(x);
  ops::set_fused_kernels(ops::FusedKernels::kAuto);
  return o;
}

}  // namespace

TEST_CASE("FP8 attention through cuDNN is as exact as its composition", "[gpu_fp8_attention]") {
  struct Case {
    test::SoftmaxSizes size;
    at::ScalarType dtype;
    double mean, spread;
  };
  for (const Case& c : {Case{{1, 128, 128, 1, 128, 128}, at::kBFloat16, 0, 1},
                        {{2, 517, 517, 3, 128, 128}, at::kBFloat16, 0, 1},
                        {{1, 1000, 1000, 2, 64, 64}, at::kBFloat16, 0, 0.01},
                        {{1, 33, 33, 2, 128, 128}, at::kFloat, 0, 1},
                        {{1, 77, 3001, 2, 128, 128}, at::kFloat, 0, 30},
                        {{2, 517, 517, 3, 128, 128}, at::kFloat, 100, 1},
                        {{2, 130, 130, 3, 128, 128}, at::kBFloat16, 10, 1}}) {
    INFO(c10::toString(c.dtype) << " B " << c.size.B << " L " << c.size.L << " S " << c.size.S << " K " << c.size.K
                                << ", mean " << c.mean << ", spread of v " << c.spread);
    const SoftmaxInputs x = SoftmaxInputs(c.size, c.dtype, 7, c.mean, c.spread).to(at::kCUDA);
    const at::Tensor o = attend(x);
    CHECK(o.is_contiguous());
    CHECK(o.scalar_type() == c.dtype);
    // The composition rounds by the largest logit of a row, cuDNN by the largest so far: other roundings of the same size.
    const double error = x.centred_error(o);
    CHECK(error < 1.2 * x.centred_error(composed(x)) + 1e-3);
    // As in test/parity/ops/fp8_attention_test.cpp.
    CHECK(error < 0.08 + x.centred_error(x.exact().to(c.dtype)));
  }
}

TEST_CASE("FP8 attention repeats its bits and writes all of its output", "[gpu_fp8_attention]") {
  const SoftmaxInputs x = SoftmaxInputs({2, 1111, 1111, 4, 128, 128}, at::kBFloat16, 8, 3).to(at::kCUDA);
  const at::Tensor first = attend(x);
  CHECK(at::isfinite(first).all().item<bool>());
  for (int i = 0; i < 3; ++i) CHECK(at::equal(attend(x), first));
  const test::PoisonedMemory poisoned;
  CHECK(at::equal(attend(x), first));
}

TEST_CASE("FP8 attention reads strided operands in place", "[gpu_fp8_attention]") {
  torch::manual_seed(9);
  // [B, L, q k v, N, K], as one product would give them, and heads outermost.
  const at::Tensor qkv = at::randn({2, 300, 3, 4, 64}, at::TensorOptions(at::kCUDA)).to(at::kBFloat16);
  const at::Tensor heads = at::randn({2, 4, 300, 64}, at::TensorOptions(at::kCUDA)).to(at::kBFloat16).transpose(1, 2);
  const at::Tensor o = ops::fp8_attention(qkv.select(2, 0), qkv.select(2, 1), heads);
  CHECK(at::equal(
      o, ops::fp8_attention(qkv.select(2, 0).contiguous(), qkv.select(2, 1).contiguous(), heads.contiguous())));
}

TEST_CASE("head dims that cuDNN does not take are named", "[gpu_fp8_attention]") {
  const at::Tensor x = at::zeros({1, 32, 2, 24}, at::TensorOptions(at::kCUDA).dtype(at::kBFloat16));
  CHECK_THROWS_WITH(ops::fp8_attention(x, x, x), Catch::Contains("multiples of 16"));
  const at::Tensor wide = at::zeros({1, 32, 2, 512}, x.options());
  CHECK_THROWS_AS(ops::fp8_attention(wide, wide, wide), NotSupportedError);
  // And another shape after a refusal is served.
  const at::Tensor fits = at::zeros({1, 32, 2, 64}, x.options());
  CHECK(ops::fp8_attention(fits, fits, fits).abs().max().item<double>() == 0);
}
