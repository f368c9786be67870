#pragma once

#include <cstdint>

#include "lintorch/ops/cuda/kernel_dtype.h"

namespace lintorch::ops {

/// Rows of y (contiguous, `rows` x `width`) -> phi (contiguous, `rows` x 2 width). width in {32, 64, 128, 256}.
struct HedgehogFeaturesParams {
  const void* y;
  void* phi;
  int64_t rows;
  int32_t width;
  KernelDtype dtype;
};

/// Backward: d_y from phi and d_phi, all of one dtype.
struct HedgehogFeaturesBackwardParams {
  const void* phi;
  const void* d_phi;
  void* d_y;
  int64_t rows;
  int32_t width;
  KernelDtype dtype;
};

/// Launch on a CUDA stream (cudaStream_t as void*). Return the CUDA error code, 0 = launched.
int launch_hedgehog_features(const HedgehogFeaturesParams& params, void* stream);
int launch_hedgehog_features_backward(const HedgehogFeaturesBackwardParams& params, void* stream);

/// Whether a width has a kernel.
constexpr bool hedgehog_features_supported(int64_t width) {
  return width == 32 || width == 64 || width == 128 || width == 256;
}

}  // namespace lintorch::ops
