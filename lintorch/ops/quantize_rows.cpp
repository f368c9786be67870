#include "lintorch/ops/quantize_rows.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/_scaled_mm.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <torch/library.h>

#include <tuple>

#include "lintorch/core/shape_check.h"
#include "lintorch/ops/cuda/quantize_rows_params.h"
#include "lintorch/ops/fused_kernels.h"

namespace lintorch::ops {
namespace {

std::tuple<at::Tensor, at::Tensor> quantize_composed(const at::Tensor& x_RK, bool gelu) {
  at::Tensor y = x_RK.to(at::kFloat);
  if (gelu) y = at::gelu(y, "tanh");
  const at::Tensor largest = y.abs().amax({1}, /*keepdim=*/true);
  // A tensor divisor: LibTorch multiplies by the reciprocal of a number on GPUs.
  const at::Tensor scale = (largest / largest.new_full({}, kLargestE4m3)).masked_fill(largest == 0, 1);
  return {(y / scale).to(at::kFloat8_e4m3fn), scale};
}

at::Tensor scaled_back(const QuantizedRows& x) { return x.values_RK.to(at::kFloat) * x.scale_R1; }

}  // namespace

QuantizedRows quantize_rows(const at::Tensor& x_RK, RowActivation activation) {
  check_shape(x_RK, {-1, -1}, "quantize_rows: x");
  const bool gelu = activation == RowActivation::kGeluTanh;
  QuantizedRows rows;
  if (x_RK.is_cuda() && fused_kernels() != FusedKernels::kOff && quantize_rows_supported(x_RK.size(1))) {
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("lintorch::quantize_rows", "")
                               .typed<std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, bool)>();
    std::tie(rows.values_RK, rows.scale_R1) = op.call(x_RK, gelu);
  } else {
    std::tie(rows.values_RK, rows.scale_R1) = quantize_composed(x_RK, gelu);
  }
  return rows;
}

at::Tensor quantized_linear(const QuantizedRows& x, const QuantizedRows& weight, const at::Tensor& bias_O) {
  if (!x.values_RK.is_cuda())
    return at::linear(scaled_back(x), scaled_back(weight), bias_O.to(at::kFloat)).to(at::kBFloat16);
  return at::_scaled_mm(x.values_RK, weight.values_RK.t(), x.scale_R1, weight.scale_R1.t(), bias_O.to(at::kBFloat16),
                        /*scale_result=*/std::nullopt, at::kBFloat16, /*use_fast_accum=*/true);
}

TORCH_LIBRARY_FRAGMENT(lintorch, m) { m.def("quantize_rows(Tensor x, bool gelu) -> (Tensor values, Tensor scale)"); }

TORCH_LIBRARY_IMPL(lintorch, CompositeExplicitAutograd, m) { m.impl("quantize_rows", quantize_composed); }

}  // namespace lintorch::ops
