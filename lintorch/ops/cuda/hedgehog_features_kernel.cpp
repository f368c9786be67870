#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "lintorch/core/error.h"
#include "lintorch/ops/cuda/hedgehog_features_params.h"
#include "lintorch/ops/cuda/launch.h"

namespace lintorch::ops {

namespace {

bool has_kernel(const at::Tensor& tensor, int64_t width) {
  return hedgehog_features_supported(width) &&
         (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16);
}

at::Tensor features(const at::Tensor& y_in) {
  const int64_t width = y_in.size(-1);
  LT_CHECK(
      has_kernel(y_in, width), NotSupportedError,
      "[hedgehog_features] the CUDA kernel takes fp32 or bf16 and a width of 32, 64, 128 or 256, got {} of width {}",
      c10::toString(y_in.scalar_type()), width);
  const c10::cuda::CUDAGuard guard(y_in.device());
  const at::Tensor y = y_in.contiguous();
  auto shape = y.sizes().vec();
  shape.back() = 2 * width;
  at::Tensor phi = at::empty(shape, y.options());
  if (y.numel() == 0) return phi;
  check_launch(
      launch_hedgehog_features({y.const_data_ptr(), phi.mutable_data_ptr(), y.numel() / width,
                                static_cast<int32_t>(width), kernel_dtype(y.scalar_type(), "hedgehog_features")},
                               current_stream(y)),
      "hedgehog_features");
  return phi;
}

at::Tensor features_backward(const at::Tensor& phi_in, const at::Tensor& d_phi_in) {
  const int64_t width = phi_in.size(-1) / 2;
  LT_CHECK(has_kernel(phi_in, width) && d_phi_in.scalar_type() == phi_in.scalar_type(), NotSupportedError,
           "[hedgehog_features_backward] expected phi and d_phi of one dtype (fp32 or bf16), got {} and {}",
           c10::toString(phi_in.scalar_type()), c10::toString(d_phi_in.scalar_type()));
  const c10::cuda::CUDAGuard guard(phi_in.device());
  const at::Tensor phi = phi_in.contiguous();
  const at::Tensor d_phi = d_phi_in.contiguous();
  auto shape = phi.sizes().vec();
  shape.back() = width;
  at::Tensor d_y = at::empty(shape, phi.options());
  if (phi.numel() == 0) return d_y;
  check_launch(launch_hedgehog_features_backward(
                   {phi.const_data_ptr(), d_phi.const_data_ptr(), d_y.mutable_data_ptr(), d_y.numel() / width,
                    static_cast<int32_t>(width), kernel_dtype(phi.scalar_type(), "hedgehog_features_backward")},
                   current_stream(phi)),
               "hedgehog_features_backward");
  return d_y;
}

}  // namespace

TORCH_LIBRARY_IMPL(lintorch, CUDA, m) {
  m.impl("hedgehog_features", features);
  m.impl("hedgehog_features_backward", features_backward);
}

}  // namespace lintorch::ops
