// Adds the thread blocks' shares in a fixed order, centres S, rounds it to bf16.
#pragma once

#include "lintorch/ops/cuda/hedgehog_attention_tiles.cuh"

namespace lintorch::ops::hedgehog {

struct FinalizeArgs {
  const float* s;  // shares, as ReduceArgs
  const float* z;
  __nv_bfloat16* s_XED;
  float* z_XE;
  float* v_mean_XD;
  int num_x, tiles, slots, blocks;
};

constexpr int kFinalizeColumns = 16;
constexpr int kFinalizeThreads = 256;

// The block whose share holds a pair.
__device__ inline int block_of(int64_t item, int64_t items, int blocks) {
  int block = static_cast<int>((item * blocks) / items);
  while (items * (block + 1) / blocks <= item) ++block;
  while (items * block / blocks > item) --block;
  return block;
}

// One block: one x, 16 channels, all features.
template <int D, int M>
__global__ void __launch_bounds__(kFinalizeThreads) finalize_kernel(const FinalizeArgs args) {
  constexpr int E = 2 * M, kRowStep = kFinalizeThreads / kFinalizeColumns, kRows = E / kRowStep;
  __shared__ float z[E], column_sums[kRowStep][kFinalizeColumns], z_total;
  const int x = blockIdx.x, column = blockIdx.y * kFinalizeColumns + threadIdx.x % kFinalizeColumns;
  const int row = threadIdx.x / kFinalizeColumns;
  const int64_t items = static_cast<int64_t>(args.num_x) * args.tiles, first = static_cast<int64_t>(x) * args.tiles;
  const int block_begin = block_of(first, items, args.blocks);
  const int block_end = block_of(first + args.tiles - 1, items, args.blocks) + 1;

  float s[kRows] = {}, z_sum = 0;
  for (int block = block_begin; block < block_end; ++block) {
    const int local_x = x - Share(block, args.blocks, args.num_x, args.tiles).first_x();
    const int64_t slot = static_cast<int64_t>(block) * args.slots + local_x;
#pragma unroll
    for (int r = 0; r < kRows; ++r) s[r] += args.s[(slot * E + row + r * kRowStep) * D + column];
    if (threadIdx.x < E) z_sum += args.z[slot * E + threadIdx.x];
  }
  if (threadIdx.x < E) z[threadIdx.x] = z_sum;
  float plus = 0;
#pragma unroll
  for (int r = 0; r < kRows / 2; ++r) plus += s[r];  // rows below M: the half that sums to 1 per token
  column_sums[row][threadIdx.x % kFinalizeColumns] = plus;
  __syncthreads();
  if (threadIdx.x < 32) {
    float total = 0;
    for (int f = threadIdx.x; f < M; f += 32) total += z[f];
    for (int lanes = 16; lanes > 0; lanes /= 2) total += __shfl_xor_sync(~0u, total, lanes);
    if (threadIdx.x == 0) z_total = total;
  }
  __syncthreads();
  float v_mean = 0;
  for (int r = 0; r < kRowStep; ++r) v_mean += column_sums[r][threadIdx.x % kFinalizeColumns];
  v_mean /= z_total;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const int feature = row + r * kRowStep;
    args.s_XED[(static_cast<int64_t>(x) * E + feature) * D + column] = __float2bfloat16(s[r] - z[feature] * v_mean);
  }
  if (row == 0) args.v_mean_XD[static_cast<int64_t>(x) * D + column] = v_mean;
  if (blockIdx.y == 0 && threadIdx.x < E) args.z_XE[static_cast<int64_t>(x) * E + threadIdx.x] = z_sum;
}

}  // namespace lintorch::ops::hedgehog
