// Adds the thread blocks' shares of dS and dz in a fixed order, rounds dS to bf16; c = dz - dS v_mean with the rounded dS,
// so that the mean of V cancels exactly in v dS^T + c.
#pragma once

#include "lintorch/ops/cuda/hedgehog_attention_finalize.cuh"

namespace lintorch::ops::hedgehog {

struct FinalizeGradientArgs {
  const float* s;  // shares, as ReduceArgs
  const float* z;
  const float* v_mean_XD;
  __nv_bfloat16* grad_s_XED;
  float* c_XE;
  int num_x, tiles, slots, blocks;
};

constexpr int kFinalizeRows = 16;

// One block: one x, 16 features, all channels; 16 threads a feature.
template <int D, int M>
__global__ void __launch_bounds__(kFinalizeThreads) finalize_gradient_kernel(const FinalizeGradientArgs args) {
  constexpr int E = 2 * M, kLanes = kFinalizeThreads / kFinalizeRows, kColumns = D / kLanes;
  const int x = blockIdx.x, feature = blockIdx.y * kFinalizeRows + threadIdx.x / kLanes, lane = threadIdx.x % kLanes;
  const int64_t items = static_cast<int64_t>(args.num_x) * args.tiles, first = static_cast<int64_t>(x) * args.tiles;
  const int block_begin = block_of(first, items, args.blocks);
  const int block_end = block_of(first + args.tiles - 1, items, args.blocks) + 1;

  float s[kColumns] = {}, z = 0;
  for (int block = block_begin; block < block_end; ++block) {
    const int local_x = x - Share(block, args.blocks, args.num_x, args.tiles).first_x();
    const int64_t row = (static_cast<int64_t>(block) * args.slots + local_x) * E + feature;
#pragma unroll
    for (int c = 0; c < kColumns; ++c) s[c] += args.s[row * D + c * kLanes + lane];
    z += args.z[row];
  }
  float dot = 0;
#pragma unroll
  for (int c = 0; c < kColumns; ++c) {
    const __nv_bfloat16 rounded = __float2bfloat16(s[c]);
    args.grad_s_XED[(static_cast<int64_t>(x) * E + feature) * D + c * kLanes + lane] = rounded;
    dot = fmaf(__bfloat162float(rounded), args.v_mean_XD[static_cast<int64_t>(x) * D + c * kLanes + lane], dot);
  }
  for (int lanes = kLanes / 2; lanes > 0; lanes /= 2) dot += __shfl_xor_sync(~0u, dot, lanes);
  if (lane == 0) args.c_XE[static_cast<int64_t>(x) * E + feature] = z - dot;
}

}  // namespace lintorch::ops::hedgehog
