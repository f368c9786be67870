#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/ops/fused_kernels.h"
#include "lintorch/ops/quantize_rows.h"
#include "test/support/tensor_near.h"

using namespace lintorch;

namespace {

at::Tensor scaled_back(const ops::QuantizedRows& rows) { return rows.values_RK.to(at::kFloat) * rows.scale_R1; }

}  // namespace

TEST_CASE("the quantizing kernel gives the composition's bits", "[gpu_quantize_rows]") {
  torch::manual_seed(5);
  for (const auto dtype : {at::kFloat, at::kBFloat16})
    for (const int64_t width : {8, 64, 1536, 5120, 8960, 13824, 16384})
      for (const int64_t rows : {1, 37, 4099}) {
        INFO(c10::toString(dtype) << ", " << rows << " x " << width);
        at::Tensor x = at::randn({rows, width}, at::TensorOptions(at::kCUDA)) *
                       at::randn({rows, 1}, at::TensorOptions(at::kCUDA)).exp();
        x[rows / 2].zero_();
        x = x.to(dtype);
        const auto kernel = ops::quantize_rows(x);
        ops::set_fused_kernels(ops::FusedKernels::kOff);
        const auto composed = ops::quantize_rows(x);
        ops::set_fused_kernels(ops::FusedKernels::kAuto);
        CHECK(at::equal(kernel.scale_R1, composed.scale_R1));
        CHECK(at::equal(kernel.values_RK.view(at::kByte), composed.values_RK.view(at::kByte)));
        const at::Tensor exact = at::gelu(x.to(at::kDouble), "tanh");
        // 3 bits of mantissa: 2.6 % rms, more where a row's largest element stands far above the others.
        CHECK(test::relative_error(scaled_back(ops::quantize_rows(x, ops::RowActivation::kGeluTanh)), exact) < 0.035);
      }
}

TEST_CASE("FP8 products match those of the values scaled back", "[gpu_quantize_rows][cublas][fp64]") {
  torch::manual_seed(6);
  const auto options = at::TensorOptions(at::kCUDA);
  for (const auto& [rows, in, out] : {std::array<int64_t, 3>{64, 64, 128}, {1000, 1536, 1536}, {513, 8960, 1536}}) {
    const auto x = ops::quantize_rows(at::randn({rows, in}, options));
    const auto w = ops::quantize_rows(at::randn({out, in}, options) / std::sqrt(static_cast<double>(in)));
    const at::Tensor bias = at::randn({out}, options).to(at::kBFloat16);
    const at::Tensor exact =
        at::linear(scaled_back(x).to(at::kDouble), scaled_back(w).to(at::kDouble), bias.to(at::kDouble));
    // bf16 rounding of the output is 1.7e-3; sums with fast accumulation keep about 14 bits.
    CHECK(test::relative_error(ops::quantized_linear(x, w, bias), exact) < 4e-3);
  }
}
