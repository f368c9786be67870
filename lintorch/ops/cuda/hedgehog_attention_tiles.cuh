// What the three kernels of hedgehog_attention.cu share: tile sizes, the division of the work, the product with W.
// Letters as in ops/: X = N * B, E = 2 M; T = tokens of a tile, D = head dim (of q, k and v).
#pragma once

#include "lintorch/ops/cuda/hopper.cuh"

namespace lintorch::ops::hedgehog {

using namespace hopper;

constexpr int T = 64;            // tokens per tile
constexpr int kPanel = T * 128;  // bytes of 64 tokens x 64 channels
template <int D>
constexpr int kTile = D / 64 * kPanel;
constexpr int kThreads = 384;  // a producer and two consumer warpgroups
constexpr int kConsumerWarps = 8;
constexpr float kLog2E = 1.4426950408889634f;

// The range of (x, tile) pairs of a block, and which x it touches.
struct Share {
  int begin, end, tiles_per_x;
  __host__ __device__ Share(int block, int blocks, int num_x, int tiles)
      : begin(static_cast<int>(static_cast<int64_t>(num_x) * tiles * block / blocks)),
        end(static_cast<int>(static_cast<int64_t>(num_x) * tiles * (block + 1) / blocks)),
        tiles_per_x(tiles) {}
  __host__ __device__ int first_x() const { return begin / tiles_per_x; }
  __host__ __device__ int num_x() const { return end > begin ? (end - 1) / tiles_per_x - first_x() + 1 : 0; }
};

// Over the four lanes that hold a row of an accumulator.
__device__ __forceinline__ float row_sum(float x) {
#pragma unroll
  for (int lanes = 1; lanes <= 2; lanes *= 2) x += __shfl_xor_sync(~0u, x, lanes);
  return x;
}

__device__ __forceinline__ float row_max(float x) {
#pragma unroll
  for (int lanes = 1; lanes <= 2; lanes *= 2) x = fmaxf(x, __shfl_xor_sync(~0u, x, lanes));
  return x;
}

// Largest values of sign * y in this thread's two rows.
template <int M>
__device__ __forceinline__ float2 row_maxima(const float (&y)[M / 2], float sign) {
  float max0 = -INFINITY, max1 = -INFINITY;
#pragma unroll
  for (int i = 0; i < M / 2; i += 4) {
    max0 = fmaxf(max0, fmaxf(sign * y[i], sign * y[i + 1]));
    max1 = fmaxf(max1, fmaxf(sign * y[i + 2], sign * y[i + 3]));
  }
  return {row_max(max0), row_max(max1)};
}

// y[T, M] = x[T, D] W[D, M].
template <int D, int M>
__device__ __forceinline__ void project(float (&y)[M / 2], uint32_t x, uint32_t w) {
#pragma unroll
  for (int step = 0; step < D / 16; ++step)
    wgmma<false, true>(y, k_major(x + (step / 4) * kPanel + (step % 4) * 32), mn_major(w + step * 2048, D * 128),
                       step > 0);
}

}  // namespace lintorch::ops::hedgehog
