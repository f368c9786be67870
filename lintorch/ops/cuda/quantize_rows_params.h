#pragma once

#include <cstdint>

#include "lintorch/ops/cuda/kernel_dtype.h"

namespace lintorch::ops {

constexpr float kLargestE4m3 = 448;

/// See ops/quantize_rows.h. Contiguous rows, 16-byte aligned.
struct QuantizeRowsParams {
  const void* x;
  void* values;  ///< out, one byte an element
  float* scale;  ///< out, one a row
  int64_t rows;
  int32_t width;
  bool gelu;
  KernelDtype dtype;  ///< of x
};

constexpr bool quantize_rows_supported(int64_t width) { return width > 0 && width % 8 == 0 && width <= 16384; }

/// Launches on a CUDA stream (cudaStream_t as void*). Returns the CUDA error code, 0 = launched.
int launch_quantize_rows(const QuantizeRowsParams& params, void* stream);

}  // namespace lintorch::ops
