// Bidirectional Hedgehog attention, forward, on sm_90a. Three launches: reduce, finalize, apply.
// Every thread block takes one contiguous range of (head, token tile) pairs, so that the result does not depend on
// scheduling and S leaves the registers once per head and block.
#include <cuda_runtime.h>

#include <algorithm>

#include "lintorch/ops/cuda/hedgehog_attention_apply.cuh"
#include "lintorch/ops/cuda/hedgehog_attention_finalize.cuh"
#include "lintorch/ops/cuda/hedgehog_attention_params.h"
#include "lintorch/ops/cuda/hedgehog_attention_reduce.cuh"

namespace lintorch::ops {
namespace {

using namespace hedgehog;

using EncodeTiled = CUresult(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*, const cuuint64_t*,
                             const cuuint32_t*, const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
                             CUtensorMapL2promotion, CUtensorMapFloatOOBfill);

// The driver's encoder, found at run time so that nothing links libcuda.
EncodeTiled* encode_tiled() {
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

using Params = HedgehogAttentionParams;

int encode_heads(CUtensorMap& map, const StridedHeads& x, const Params& p) {
  const auto bytes = [](int64_t elements) { return static_cast<cuuint64_t>(2 * elements); };
  return encode<4>(map, x.data,
                   {static_cast<cuuint64_t>(p.head_dim), static_cast<cuuint64_t>(p.N), static_cast<cuuint64_t>(p.L),
                    static_cast<cuuint64_t>(p.B)},
                   {bytes(x.stride_N), bytes(x.stride_L), bytes(x.stride_B)}, {64, 1, T, 1});
}

// A stack of contiguous matrices [rows, columns].
int encode_matrices(CUtensorMap& map, const void* data, int count, int rows, int columns) {
  const auto size = [](int64_t n) { return static_cast<cuuint64_t>(n); };
  return encode<3>(map, data, {size(columns), size(rows), size(count)}, {size(2 * columns), size(2 * rows * columns)},
                   {64, static_cast<cuuint32_t>(rows), 1});
}

struct Plan {
  int num_x, tiles, blocks, slots;
};

Plan plan(int B, int L, int N, int num_sms) {
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

template <int D, int M>
int launch_all(const Params& p, cudaStream_t stream) {
  constexpr int E = 2 * M;
  const Plan work = plan(p.B, p.L, p.N, p.num_sms);
  CUtensorMap k, v, q, o, w_k, w_q, s;
  for (const int error : {encode_heads(k, p.k, p), encode_heads(v, p.v, p), encode_heads(q, p.q, p),
                          encode_heads(o, p.o, p), encode_matrices(w_k, p.w_k_NKM, p.N, D, M),
                          encode_matrices(w_q, p.w_q_NKM, p.N, D, M), encode_matrices(s, p.s_XEV, work.num_x, E, D)})
    if (error) return error;

  float* const shares = static_cast<float*>(p.workspace);
  float* const z_shares = shares + static_cast<int64_t>(work.blocks) * work.slots * E * D;
  if (const int error = launch(reduce_kernel<D, M>, work.blocks, ReduceSmem<D, M>::kBytes, stream, k, v, w_k,
                               ReduceArgs{shares, z_shares, work.num_x, work.tiles, p.B, p.L, work.slots}))
    return error;
  finalize_kernel<D, M><<<dim3(work.num_x, D / kFinalizeColumns), kFinalizeThreads, 0, stream>>>(
      {shares, z_shares, static_cast<__nv_bfloat16*>(p.s_XEV), p.z_XE, p.v_mean_XV, work.num_x, work.tiles, work.slots,
       work.blocks});
  if (const int error = cudaGetLastError()) return error;
  return launch(apply_kernel<D, M>, work.blocks, ApplySmem<D, M>::kBytes, stream, q, o, w_q, s,
                ApplyArgs{p.z_XE, p.v_mean_XV, work.num_x, work.tiles, p.B});
}

}  // namespace

size_t hedgehog_attention_workspace(const HedgehogAttentionParams& p) {
  const Plan work = plan(p.B, p.L, p.N, p.num_sms);
  return sizeof(float) * work.blocks * work.slots * 2 * p.feature_dim * (p.head_dim + 1);
}

int launch_hedgehog_attention(const HedgehogAttentionParams& params, void* stream) {
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (params.head_dim == 64)
    return params.feature_dim == 64 ? launch_all<64, 64>(params, cuda_stream)
                                    : launch_all<64, 128>(params, cuda_stream);
  return params.feature_dim == 64 ? launch_all<128, 64>(params, cuda_stream)
                                  : launch_all<128, 128>(params, cuda_stream);
}

}  // namespace lintorch::ops
