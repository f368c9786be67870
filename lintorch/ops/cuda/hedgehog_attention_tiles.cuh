// What the kernels of Hedgehog attention share: tile sizes, the division of the work, the product with W, the exponentials.
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

struct HalfSums {
  float sum0, sum1;  // of exp, per row
  float dot0, dot1;  // of exp * z
};

// exp(sign * y - max) of two rows per thread, packed as operand A, and its sums.
template <int M>
__device__ __forceinline__ HalfSums exponentials(const float (&y)[M / 2], float sign, uint32_t z,
                                                 uint32_t (&packed)[M / 16][4], int lane) {
  const float2 max = row_maxima<M>(y, sign);
  const float factor = sign * kLog2E, offset0 = max.x * kLog2E, offset1 = max.y * kLog2E;
  HalfSums sums{};
#pragma unroll
  for (int j = 0; j < M / 8; ++j) {
    float z0, z1;
    asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(z0), "=f"(z1) : "r"(z + 4 * (8 * j + 2 * (lane & 3))));
    const float a0 = exp2_approx(fmaf(y[4 * j], factor, -offset0));
    const float a1 = exp2_approx(fmaf(y[4 * j + 1], factor, -offset0));
    const float b0 = exp2_approx(fmaf(y[4 * j + 2], factor, -offset1));
    const float b1 = exp2_approx(fmaf(y[4 * j + 3], factor, -offset1));
    sums.sum0 += a0 + a1;
    sums.sum1 += b0 + b1;
    sums.dot0 = fmaf(a0, z0, fmaf(a1, z1, sums.dot0));
    sums.dot1 = fmaf(b0, z0, fmaf(b1, z1, sums.dot1));
    packed[j / 2][j % 2 * 2] = pack_bf16(a0, a1);
    packed[j / 2][j % 2 * 2 + 1] = pack_bf16(b0, b1);
  }
  sums.sum0 = row_sum(sums.sum0);
  sums.sum1 = row_sum(sums.sum1);
  sums.dot0 = row_sum(sums.dot0);
  sums.dot1 = row_sum(sums.dot1);
  return sums;
}

// The layout of an accumulator with C columns as operand A, its rows scaled.
template <int C>
__device__ __forceinline__ void pack_rows(uint32_t (&packed)[C / 16][4], const float (&x)[C / 2], float scale0,
                                          float scale1) {
#pragma unroll
  for (int j = 0; j < C / 16; ++j)
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      packed[j][2 * k] = pack_bf16(x[8 * j + 4 * k] * scale0, x[8 * j + 4 * k + 1] * scale0);
      packed[j][2 * k + 1] = pack_bf16(x[8 * j + 4 * k + 2] * scale1, x[8 * j + 4 * k + 3] * scale1);
    }
}

// Operand A as a tile in shared memory.
template <int C>
__device__ __forceinline__ void store_tile(uint32_t to, const uint32_t (&packed)[C / 16][4], int warp, int lane) {
  const int row = 16 * warp + (lane & 7) + (lane & 8);
#pragma unroll
  for (int j = 0; j < C / 16; ++j) {
    const int chunk = 2 * j + (lane >> 4);
    store_matrices(to + (chunk >> 3) * kPanel + panel_offset(row, chunk & 7), packed[j][0], packed[j][1], packed[j][2],
                   packed[j][3]);
  }
}

}  // namespace lintorch::ops::hedgehog
