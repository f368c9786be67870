// How the host sets up the kernels of Hedgehog attention: TMA descriptors, division of the work, launch.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "lintorch/ops/cuda/hedgehog_attention_params.h"
#include "lintorch/ops/cuda/hedgehog_attention_tiles.cuh"

namespace lintorch::ops::hedgehog {

using EncodeTiled = CUresult(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*, const cuuint64_t*,
                             const cuuint32_t*, const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
                             CUtensorMapL2promotion, CUtensorMapFloatOOBfill);

// The driver's encoder, found at run time so that nothing links libcuda.
inline EncodeTiled* encode_tiled() {
  static EncodeTiled* const function = [] {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult result{};
    const auto error =
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &result);
    return error == cudaSuccess && result == cudaDriverEntryPointSuccess ? reinterpret_cast<EncodeTiled*>(entry)
                                                                         : nullptr;
  }();
  return function;
}

template <int kRank>
int encode(CUtensorMap& map, const void* data, const cuuint64_t (&sizes)[kRank], const cuuint64_t (&strides)[kRank - 1],
           const cuuint32_t (&box)[kRank]) {
  if (!encode_tiled()) return cudaErrorNotSupported;
  cuuint32_t unit[kRank];
  for (auto& step : unit) step = 1;
  const CUresult result = encode_tiled()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, kRank, const_cast<void*>(data), sizes,
                                         strides, box, unit, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                         CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return result == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

// A tensor [B, L, N, channels], in boxes of one tile of tokens and 64 channels.
inline int encode_heads(CUtensorMap& map, const StridedHeads& x, int B, int L, int N, int channels) {
  const auto bytes = [](int64_t elements) { return static_cast<cuuint64_t>(2 * elements); };
  const auto size = [](int n) { return static_cast<cuuint64_t>(n); };
  return encode<4>(map, x.data, {size(channels), size(N), size(L), size(B)},
                   {bytes(x.stride_N), bytes(x.stride_L), bytes(x.stride_B)}, {64, 1, T, 1});
}

// A stack of contiguous matrices [rows, columns].
inline int encode_matrices(CUtensorMap& map, const void* data, int count, int rows, int columns) {
  const auto size = [](int64_t n) { return static_cast<cuuint64_t>(n); };
  return encode<3>(map, data, {size(columns), size(rows), size(count)}, {size(2 * columns), size(2 * rows * columns)},
                   {64, static_cast<cuuint32_t>(rows), 1});
}

struct Plan {
  int num_x, tiles, blocks, slots;
};

inline Plan plan(int B, int L, int N, int num_sms) {
  Plan plan{N * B, (L + T - 1) / T, 0, 0};
  plan.blocks = static_cast<int>(std::min<int64_t>(num_sms, static_cast<int64_t>(plan.num_x) * plan.tiles));
  for (int block = 0; block < plan.blocks; ++block)
    plan.slots = std::max(plan.slots, Share(block, plan.blocks, plan.num_x, plan.tiles).num_x());
  return plan;
}

template <class Kernel, class... Args>
int launch(Kernel kernel, int blocks, int smem_bytes, cudaStream_t stream, const Args&... args) {
  const auto error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, smem_bytes);
  if (error != cudaSuccess) return error;
  kernel<<<blocks, kThreads, smem_bytes, stream>>>(args...);
  return cudaGetLastError();
}

}  // namespace lintorch::ops::hedgehog
