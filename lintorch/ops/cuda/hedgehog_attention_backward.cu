// Bidirectional Hedgehog attention, backward, on sm_90a; formulas in ops/hedgehog_attention_composed.h. phi is computed
// again. Four launches: the query's side, dS and dz, their sum over thread blocks, the key's side.
#include "lintorch/ops/cuda/hedgehog_attention_finalize_gradient.cuh"
#include "lintorch/ops/cuda/hedgehog_attention_launch.cuh"
#include "lintorch/ops/cuda/hedgehog_attention_map_gradient.cuh"
#include "lintorch/ops/cuda/hedgehog_attention_reduce.cuh"

namespace lintorch::ops {
namespace {

using namespace hedgehog;

// Parts of the workspace.
struct Workspace {
  float *shares, *z_shares, *scale_XL, *column_XL, *c_XE;
  __nv_bfloat16* grad_s_XED;
};

int64_t bytes(const HedgehogAttentionBackwardParams& p, const Plan& work, Workspace* parts) {
  const int64_t E = 2 * p.feature_dim, slots = static_cast<int64_t>(work.blocks) * work.slots;
  const int64_t tokens = static_cast<int64_t>(work.num_x) * p.L, features = work.num_x * E;
  const auto aligned = [](int64_t floats) { return (floats + 3) / 4 * 4; };
  float* at = static_cast<float*>(p.workspace);
  int64_t total = 0;
  const auto take = [&](int64_t floats) {
    float* const part = parts ? at + total : nullptr;
    total += aligned(floats);
    return part;
  };
  Workspace result{};
  result.grad_s_XED = reinterpret_cast<__nv_bfloat16*>(take(features * p.head_dim / 2));
  result.shares = take(slots * E * p.head_dim);
  result.z_shares = take(slots * E);
  result.scale_XL = take(tokens);
  result.column_XL = take(tokens);
  result.c_XE = take(features);
  if (parts) *parts = result;
  return total * static_cast<int64_t>(sizeof(float));
}

template <int D, int M>
int launch_all(const HedgehogAttentionBackwardParams& p, cudaStream_t stream) {
  constexpr int E = 2 * M;
  const Plan work = plan(p.B, p.L, p.N, p.num_sms);
  Workspace parts{};
  bytes(p, work, &parts);
  CUtensorMap q, k, v, grad_o, w_q, w_k, s, grad_s, grad_q{}, grad_k{}, grad_v{}, grad_y_q{}, grad_y_k{};
  const auto heads = [&](CUtensorMap& map, const StridedHeads& x, int channels) {
    return x.data ? encode_heads(map, x, p.B, p.L, p.N, channels) : 0;
  };
  for (const int error :
       {heads(q, p.q, D), heads(k, p.k, D), heads(v, p.v, D), heads(grad_o, p.grad_o, D), heads(grad_q, p.grad_q, D),
        heads(grad_k, p.grad_k, D), heads(grad_v, p.grad_v, D), heads(grad_y_q, p.grad_y_q, M),
        heads(grad_y_k, p.grad_y_k, M), encode_matrices(w_q, p.w_q_NKM, p.N, D, M),
        encode_matrices(w_k, p.w_k_NKM, p.N, D, M), encode_matrices(s, p.s_XEV, work.num_x, E, D),
        encode_matrices(grad_s, parts.grad_s_XED, work.num_x, E, D)})
    if (error) return error;

  constexpr int kMapBytes = MapGradientSmem<D, M>::kBytes;
  if (const int error = launch(map_gradient_kernel<D, M, true>, work.blocks, kMapBytes, stream, q, grad_o, w_q, s,
                               grad_q, grad_y_q, grad_v,
                               MapGradientArgs{p.z_XE, parts.scale_XL, parts.column_XL, work.num_x, work.tiles, p.B,
                                               p.L, p.grad_q.data != nullptr, p.grad_y_q.data != nullptr, false}))
    return error;
  if (!p.grad_k.data && !p.grad_y_k.data && !p.grad_v.data) return cudaSuccess;
  if (const int error =
          launch(reduce_kernel<D, M, true>, work.blocks, ReduceSmem<D, M, true>::kBytes, stream, q, grad_o, w_q,
                 ReduceArgs{parts.shares, parts.z_shares, parts.scale_XL, parts.column_XL, work.num_x, work.tiles, p.B,
                            p.L, work.slots}))
    return error;
  finalize_gradient_kernel<D, M><<<dim3(work.num_x, E / kFinalizeRows), kFinalizeThreads, 0, stream>>>(
      {parts.shares, parts.z_shares, p.v_mean_XV, parts.grad_s_XED, parts.c_XE, work.num_x, work.tiles, work.slots,
       work.blocks});
  if (const int error = cudaGetLastError()) return error;
  return launch(map_gradient_kernel<D, M, false>, work.blocks, kMapBytes, stream, k, v, w_k, grad_s, grad_k, grad_y_k,
                grad_v,
                MapGradientArgs{parts.c_XE, nullptr, nullptr, work.num_x, work.tiles, p.B, p.L,
                                p.grad_k.data != nullptr, p.grad_y_k.data != nullptr, p.grad_v.data != nullptr});
}

}  // namespace

size_t hedgehog_attention_backward_workspace(const HedgehogAttentionBackwardParams& p) {
  return static_cast<size_t>(bytes(p, plan(p.B, p.L, p.N, p.num_sms), nullptr));
}

int launch_hedgehog_attention_backward(const HedgehogAttentionBackwardParams& params, void* stream) {
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (params.head_dim == 64)
    return params.feature_dim == 64 ? launch_all<64, 64>(params, cuda_stream)
                                    : launch_all<64, 128>(params, cuda_stream);
  return params.feature_dim == 64 ? launch_all<128, 64>(params, cuda_stream)
                                  : launch_all<128, 128>(params, cuda_stream);
}

}  // namespace lintorch::ops
