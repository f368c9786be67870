// Parts of kernels that treat rows of a matrix: 16-byte accesses, sums over a row, sums over the rows of a block.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "lintorch/ops/cuda/row_split.h"

namespace lintorch::ops::rows {

constexpr int kWarp = 32;
constexpr int kVector = 8;  // elements a thread owns side by side: 16 bytes of bf16, 32 bytes of fp32

/// Largest block: 5120 columns at 2 vectors take 320 threads; up to 2048 columns, 256.
constexpr int max_threads(int vectors) { return vectors == 1 ? 256 : 320; }

using Vector = float[kVector];

__device__ inline void unpack(const float4& a, const float4& b, Vector& to) {
  to[0] = a.x, to[1] = a.y, to[2] = a.z, to[3] = a.w;
  to[4] = b.x, to[5] = b.y, to[6] = b.z, to[7] = b.w;
}

// Kernel inputs are never written while the kernel runs: the read-only path lets loads pass earlier stores.
__device__ inline void load(const float* from, Vector& to) {
  unpack(__ldg(reinterpret_cast<const float4*>(from)), __ldg(reinterpret_cast<const float4*>(from) + 1), to);
}

// A bf16 is the upper half of an fp32.
__device__ inline void load(const __nv_bfloat16* from, Vector& to) {
  const uint4 raw = __ldg(reinterpret_cast<const uint4*>(from));
  const unsigned pairs[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    to[2 * i] = __uint_as_float(pairs[i] << 16);
    to[2 * i + 1] = __uint_as_float(pairs[i] & 0xffff0000u);
  }
}

__device__ inline void store(float* to, const Vector& from) {
  reinterpret_cast<float4*>(to)[0] = make_float4(from[0], from[1], from[2], from[3]);
  reinterpret_cast<float4*>(to)[1] = make_float4(from[4], from[5], from[6], from[7]);
}

__device__ inline void store(__nv_bfloat16* to, const Vector& from) {
  unsigned pairs[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(from[2 * i], from[2 * i + 1]);
    pairs[i] = *reinterpret_cast<const unsigned*>(&pair);
  }
  *reinterpret_cast<uint4*>(to) = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
}

__device__ inline float rounded(float x, float) { return x; }
__device__ inline float rounded(float x, __nv_bfloat16) { return __bfloat162float(__float2bfloat16(x)); }

__device__ inline void fill(Vector& x, float value) {
#pragma unroll
  for (int i = 0; i < kVector; ++i) x[i] = value;
}

/// Sums over the threads of a row (blockDim.x, whole warps), the same bits in each of them. Every thread of the block
/// must take part in every sum. `scratch`: row_sum_floats(...) floats of shared memory.
template <int kCount>
class RowSum {
 public:
  __device__ explicit RowSum(float* scratch) : scratch_(scratch) {}

  __device__ void operator()(float (&value)[kCount]) {
#pragma unroll
    for (int i = 0; i < kCount; ++i)
      for (int offset = kWarp / 2; offset > 0; offset /= 2) value[i] += __shfl_xor_sync(0xffffffffu, value[i], offset);
    if (blockDim.x == kWarp) return;
    const int warps = blockDim.x / kWarp;
    float* row = scratch_ + (phase_ * blockDim.y + threadIdx.y) * warps * kCount;
    // Two buffers in turn: one barrier a sum suffices, as nobody writes a buffer before all have read it.
    phase_ ^= 1;
    if (threadIdx.x % kWarp == 0)
#pragma unroll
      for (int i = 0; i < kCount; ++i) row[threadIdx.x / kWarp * kCount + i] = value[i];
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      value[i] = 0;
      for (int warp = 0; warp < warps; ++warp) value[i] += row[warp * kCount + i];
    }
  }

 private:
  float* scratch_;
  int phase_ = 0;
};

inline int row_sum_floats(const RowSplit& split, int count) { return 2 * split.rows * (split.threads / kWarp) * count; }

/// Adds `sum` over the rows of the block (threadIdx.y), in order, and writes the columns this thread owns. Every thread
/// of the block must take part. `scratch`: column_sum_floats(...) floats.
__device__ inline void store_column_sum(const Vector& sum, float* to, bool inside, float* scratch) {
  if (blockDim.y == 1) {
    if (inside) store(to, sum);
    return;
  }
  __syncthreads();
  store(scratch + (threadIdx.y * blockDim.x + threadIdx.x) * kVector, sum);
  __syncthreads();
  if (threadIdx.y != 0 || !inside) return;
  Vector total;
  fill(total, 0);
  for (int row = 0; row < blockDim.y; ++row) {
    Vector part;
    const float4* stored = reinterpret_cast<const float4*>(scratch + (row * blockDim.x + threadIdx.x) * kVector);
    unpack(stored[0], stored[1], part);
#pragma unroll
    for (int i = 0; i < kVector; ++i) total[i] += part[i];
  }
  store(to, total);
}

inline int column_sum_floats(const RowSplit& split) {
  return split.rows == 1 ? 0 : split.rows * split.threads * kVector;
}

/// The tokens of one block.
struct TokenRange {
  int64_t batch, begin, end;

  __device__ TokenRange(const RowSplit& split, int64_t tokens) {
    batch = blockIdx.x / split.blocks_per_batch;
    begin = (blockIdx.x - batch * split.blocks_per_batch) * split.tokens_per_block;
    end = begin + split.tokens_per_block < tokens ? begin + split.tokens_per_block : tokens;
  }
};

}  // namespace lintorch::ops::rows
