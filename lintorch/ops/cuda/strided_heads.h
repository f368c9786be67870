// Tensors [B, L, N, K] as the kernels of Hedgehog attention take them.
#pragma once

#include <ATen/core/Tensor.h>

#include "lintorch/ops/cuda/hedgehog_attention_params.h"
#include "lintorch/ops/cuda/launch.h"

namespace lintorch::ops {

/// The tensor itself if TMA can read it, else a contiguous copy.
inline at::Tensor readable(const at::Tensor& x_BLNK) {
  bool fits = x_BLNK.stride(3) == 1 && is_aligned(x_BLNK);
  for (int dim = 0; dim < 3; ++dim)
    fits = fits && (x_BLNK.size(dim) == 1 || (x_BLNK.stride(dim) > 0 && x_BLNK.stride(dim) % 8 == 0));
  return fits ? x_BLNK : x_BLNK.clone(at::MemoryFormat::Contiguous);
}

/// An undefined tensor gives null data.
inline StridedHeads strided_heads(const at::Tensor& x_BLNK) {
  if (!x_BLNK.defined()) return {};
  const auto stride = [&](int dim) { return x_BLNK.size(dim) == 1 ? int64_t{8} : x_BLNK.stride(dim); };
  return {const_cast<void*>(x_BLNK.const_data_ptr()), stride(0), stride(1), stride(2)};
}

}  // namespace lintorch::ops
