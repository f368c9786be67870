// What the glue between tensors and kernels shares.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "lintorch/core/error.h"
#include "lintorch/ops/cuda/kernel_dtype.h"

namespace lintorch::ops {

/// Throws Error when a launch_... function returned an error code.
inline void check_launch(int error, const char* what) {
  LT_CHECK(error == 0, Error, "[{}] CUDA launch failed: {}", what, cudaGetErrorString(static_cast<cudaError_t>(error)));
}

inline void* current_stream(const at::Tensor& tensor) {
  return c10::cuda::getCurrentCUDAStream(tensor.device().index()).stream();
}

/// Throws NotSupportedError for anything but fp32 and bf16.
inline KernelDtype kernel_dtype(at::ScalarType dtype, const char* what) {
  LT_CHECK(dtype == at::kFloat || dtype == at::kBFloat16, NotSupportedError, "[{}] expected fp32 or bf16, got {}", what,
           c10::toString(dtype));
  return dtype == at::kFloat ? KernelDtype::kFloat : KernelDtype::kBfloat16;
}

inline bool is_aligned(const at::Tensor& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % 16 == 0;
}

/// The tensor itself if contiguous and 16-byte aligned, else a copy.
inline at::Tensor contiguous_aligned(const at::Tensor& tensor) {
  const at::Tensor result = tensor.contiguous();
  return is_aligned(result) ? result : result.clone();
}

}  // namespace lintorch::ops
