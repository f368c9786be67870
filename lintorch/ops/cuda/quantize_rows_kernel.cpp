#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <tuple>

#include "lintorch/ops/cuda/launch.h"
#include "lintorch/ops/cuda/quantize_rows_params.h"

namespace lintorch::ops {

namespace {

std::tuple<at::Tensor, at::Tensor> quantize_rows(const at::Tensor& x_in, bool gelu) {
  const c10::cuda::CUDAGuard guard(x_in.device());
  const at::Tensor x = contiguous_aligned(x_in);
  const at::Tensor values = at::empty(x.sizes(), x.options().dtype(at::kFloat8_e4m3fn));
  const at::Tensor scale = at::empty({x.size(0), 1}, x.options().dtype(at::kFloat));
  if (x.numel() == 0) return {values, scale};
  check_launch(
      launch_quantize_rows({x.const_data_ptr(), values.mutable_data_ptr(), scale.mutable_data_ptr<float>(), x.size(0),
                            static_cast<int32_t>(x.size(1)), gelu, kernel_dtype(x.scalar_type(), "quantize_rows")},
                           current_stream(x)),
      "quantize_rows");
  return {values, scale};
}

}  // namespace

TORCH_LIBRARY_IMPL(lintorch, CUDA, m) { m.impl("quantize_rows", quantize_rows); }

}  // namespace lintorch::ops
