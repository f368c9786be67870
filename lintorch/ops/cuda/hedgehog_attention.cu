// Bidirectional Hedgehog attention, forward, on sm_90a. Three launches: reduce, finalize, apply.
// Every thread block takes one contiguous range of (head, token tile) pairs, so that the result does not depend on
// scheduling and S leaves the registers once per head and block.
#include "lintorch/ops/cuda/hedgehog_attention_apply.cuh"
#include "lintorch/ops/cuda/hedgehog_attention_finalize.cuh"
#include "lintorch/ops/cuda/hedgehog_attention_launch.cuh"
#include "lintorch/ops/cuda/hedgehog_attention_reduce.cuh"

namespace lintorch::ops {
namespace {

using namespace hedgehog;

template <int D, int M>
int launch_all(const HedgehogAttentionParams& p, cudaStream_t stream) {
  constexpr int E = 2 * M;
  const Plan work = plan(p.B, p.L, p.N, p.num_sms);
  CUtensorMap k, v, q, o, w_k, w_q, s;
  const auto heads = [&](CUtensorMap& map, const StridedHeads& x) { return encode_heads(map, x, p.B, p.L, p.N, D); };
  for (const int error :
       {heads(k, p.k), heads(v, p.v), heads(q, p.q), heads(o, p.o), encode_matrices(w_k, p.w_k_NKM, p.N, D, M),
        encode_matrices(w_q, p.w_q_NKM, p.N, D, M), encode_matrices(s, p.s_XEV, work.num_x, E, D)})
    if (error) return error;

  float* const shares = static_cast<float*>(p.workspace);
  float* const z_shares = shares + static_cast<int64_t>(work.blocks) * work.slots * E * D;
  if (const int error =
          launch(reduce_kernel<D, M, false>, work.blocks, ReduceSmem<D, M, false>::kBytes, stream, k, v, w_k,
                 ReduceArgs{shares, z_shares, nullptr, nullptr, work.num_x, work.tiles, p.B, p.L, work.slots}))
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
