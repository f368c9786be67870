// k, v -> S = phi(k)^T v and z = phi(k)^T 1 of each thread block's share of the tokens, in fp32.
// Weighted, for the backward: rows of phi scaled, and their sum with a column of weights instead of ones.
// One warpgroup loads, one takes phi's half softmax(y), one softmax(-y), each with its rows of S in registers. The S product
// of a tile runs while the softmax of the next is computed.
#pragma once

#include "lintorch/ops/cuda/hedgehog_attention_tiles.cuh"

namespace lintorch::ops::hedgehog {

template <int D, int M, bool kWeighted>
struct ReduceSmem {
  static constexpr int kStages = 3;
  static constexpr int kW = 0;  // [M / 64 panels][128 rows]
  static constexpr int kK = kW + D * M * 2;
  static constexpr int kV = kK + kStages * kTile<D>;
  static constexpr int kP = kV + kStages * kTile<D>;  // [2 warpgroups][2 buffers][M / 64 panels][T rows]
  static constexpr int kPBytes = T * M * 2;
  static constexpr int kColumn = kP + 4 * kPBytes;    // [8 rows][64 tokens]: ones, or the weights in rows 0 and 1
  static constexpr int kColumns = kWeighted ? 4 : 1;  // [2 warpgroups][2 buffers]
  static constexpr int kBarriers = kColumn + kColumns * 1024;
  static constexpr int kBytes = kBarriers + (4 * kStages + 2) * 8 + 1024;  // room for alignment
};

struct ReduceArgs {
  float* s;                // [blocks, slots, E, D]
  float* z;                // [blocks, slots, E]
  const float* scale_XL;   // weighted: of a token's features
  const float* column_XL;  // weighted: multiplied with the scaled features in z
  int num_x, tiles, B, L, slots;
};

// p = softmax(sign * y) of two rows per thread, in the layout of D, rounded to bf16 and stored token-major.
template <int M>
__device__ __forceinline__ void store_softmax(const float (&y)[M / 2], float sign, float scale0, float scale1,
                                              uint32_t to, int warp, int lane) {
  const float2 max = row_maxima<M>(y, sign);
  const float factor = sign * kLog2E, offset0 = max.x * kLog2E, offset1 = max.y * kLog2E;
  float p[M / 2], sum0 = 0, sum1 = 0;
#pragma unroll
  for (int i = 0; i < M / 2; i += 4) {
    p[i] = exp2_approx(fmaf(y[i], factor, -offset0));
    p[i + 1] = exp2_approx(fmaf(y[i + 1], factor, -offset0));
    p[i + 2] = exp2_approx(fmaf(y[i + 2], factor, -offset1));
    p[i + 3] = exp2_approx(fmaf(y[i + 3], factor, -offset1));
    sum0 += p[i] + p[i + 1];
    sum1 += p[i + 2] + p[i + 3];
  }
  sum0 = row_sum(sum0);
  sum1 = row_sum(sum1);
  const float inverse0 = scale0 / sum0, inverse1 = scale1 / sum1;
  const int row = 16 * warp + (lane & 7) + (lane & 8);
#pragma unroll
  for (int j = 0; j < M / 16; ++j) {
    const int chunk = 2 * j + (lane >> 4);
    store_matrices(to + (chunk >> 3) * kPanel + panel_offset(row, chunk & 7),
                   pack_bf16(p[8 * j] * inverse0, p[8 * j + 1] * inverse0),
                   pack_bf16(p[8 * j + 2] * inverse1, p[8 * j + 3] * inverse1),
                   pack_bf16(p[8 * j + 4] * inverse0, p[8 * j + 5] * inverse0),
                   pack_bf16(p[8 * j + 6] * inverse1, p[8 * j + 7] * inverse1));
  }
}

// One weight of a tile, as the sum of two bf16 numbers, in rows 0 and 1.
__device__ __forceinline__ void store_weight(float weight, uint32_t column, int token) {
  const float high = __bfloat162float(__float2bfloat16(weight));
  const uint32_t pair = pack_bf16(high, weight - high);
  const uint32_t in_chunk = 2 * (token & 7);
  asm volatile("st.shared.u16 [%0], %1;" ::"r"(column + panel_offset(0, token >> 3) + in_chunk),
               "h"(static_cast<uint16_t>(pair))
               : "memory");
  asm volatile("st.shared.u16 [%0], %1;" ::"r"(column + panel_offset(1, token >> 3) + in_chunk),
               "h"(static_cast<uint16_t>(pair >> 16))
               : "memory");
}

template <int D, int M, bool kWeighted>
__global__ void __launch_bounds__(kThreads, 1)
    reduce_kernel(const __grid_constant__ CUtensorMap map_k, const __grid_constant__ CUtensorMap map_v,
                  const __grid_constant__ CUtensorMap map_w, const ReduceArgs args) {
  using Smem = ReduceSmem<D, M, kWeighted>;
  extern __shared__ uint8_t dynamic_smem[];
  const uint32_t smem = (shared_address(dynamic_smem) + 1023) & ~1023u;
  const uint32_t barriers = smem + Smem::kBarriers;
  const auto k_full = [&](int stage) { return barriers + 8 * stage; };
  const auto k_empty = [&](int stage) { return barriers + 8 * (Smem::kStages + stage); };
  const auto v_full = [&](int stage) { return barriers + 8 * (2 * Smem::kStages + stage); };
  const auto v_empty = [&](int stage) { return barriers + 8 * (3 * Smem::kStages + stage); };
  const uint32_t w_full = barriers + 8 * 4 * Smem::kStages, w_empty = w_full + 8;

  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Smem::kStages; ++stage) {
      barrier_init(k_full(stage), 1);
      barrier_init(v_full(stage), 1);
      barrier_init(k_empty(stage), kConsumerWarps);
      barrier_init(v_empty(stage), kConsumerWarps);
    }
    barrier_init(w_full, 1);
    barrier_init(w_empty, kConsumerWarps);
    fence_barrier_init();
  }
  for (int word = threadIdx.x; word < 256 * Smem::kColumns; word += kThreads)
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(smem + Smem::kColumn + 4 * word), "r"(kWeighted ? 0 : 0x3F803F80));
  fence_async_proxy();
  __syncthreads();

  const Share share(blockIdx.x, gridDim.x, args.num_x, args.tiles);
  const int warpgroup = threadIdx.x / 128;
  if (warpgroup == 0) {
    give_registers<24>();
    if (threadIdx.x != 0) return;
    int loaded_x = -1, loads = 0;
    for (int item = share.begin, i = 0; item < share.end; ++item, ++i) {
      const int x = item / args.tiles, token = item % args.tiles * T, n = x / args.B, b = x % args.B;
      const int stage = i % Smem::kStages, parity = (i / Smem::kStages & 1) ^ 1;
      if (x != loaded_x) {
        if (loads > 0) barrier_wait(w_empty, (loads - 1) & 1);
        barrier_expect_bytes(w_full, D * M * 2);
        for (int panel = 0; panel < M / 64; ++panel)
          tma_load(smem + Smem::kW + panel * D * 128, map_w, w_full, 64 * panel, 0, n);
        loaded_x = x;
        ++loads;
      }
      barrier_wait(k_empty(stage), parity);
      barrier_expect_bytes(k_full(stage), kTile<D>);
      for (int panel = 0; panel < D / 64; ++panel)
        tma_load(smem + Smem::kK + stage * kTile<D> + panel * kPanel, map_k, k_full(stage), 64 * panel, n, token, b);
      barrier_wait(v_empty(stage), parity);
      barrier_expect_bytes(v_full(stage), kTile<D>);
      for (int panel = 0; panel < D / 64; ++panel)
        tma_load(smem + Smem::kV + stage * kTile<D> + panel * kPanel, map_v, v_full(stage), 64 * panel, n, token, b);
    }
    return;
  }

  take_registers<240>();
  const int half = warpgroup - 1;  // 0: softmax(y), 1: softmax(-y)
  const float sign = half == 0 ? 1.f : -1.f;
  const int warp = threadIdx.x / 32 % 4, lane = threadIdx.x % 32;
  const uint32_t p_buffers = smem + Smem::kP + half * 2 * Smem::kPBytes;
  constexpr int kBlocks = M / 64;  // of 64 features
  int i = 0;                       // tiles done by this block
  for (int local_x = 0; local_x < share.num_x(); ++local_x) {
    const int x = share.first_x() + local_x;
    const int tile_begin = max(share.begin - x * args.tiles, 0), tile_end = min(share.end - x * args.tiles, args.tiles);
    float s[kBlocks][D / 2], z[kBlocks][4];
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
#pragma unroll
      for (float& value : s[block]) value = 0;
#pragma unroll
      for (float& value : z[block]) value = 0;
    }
    const auto column_of = [&](int tile) {
      return smem + Smem::kColumn + (kWeighted ? (2 * half + (tile & 1)) * 1024 : 0);
    };
    const auto accumulate = [&](int tile) {  // S += p^T v, z += p^T column, of the tile-th tile of the block
      const uint32_t p = p_buffers + (tile & 1) * Smem::kPBytes;
      const uint32_t v = smem + Smem::kV + tile % Smem::kStages * kTile<D>;
#pragma unroll
      for (int step = 0; step < T / 16; ++step)
#pragma unroll
        for (int block = 0; block < kBlocks; ++block) {
          const uint64_t a = mn_major(p + block * kPanel + step * 2048, kPanel);
          wgmma<true, true>(s[block], a, mn_major(v + step * 2048, kPanel), true);
          wgmma<true, false>(z[block], a, k_major(column_of(tile) + (kWeighted ? 32 * step : 0)), true);
        }
    };

    barrier_wait(w_full, local_x & 1);
    for (int tile = tile_begin; tile < tile_end; ++tile, ++i) {
      const int stage = i % Smem::kStages;
      const int token = tile * T + 16 * warp + lane / 4;
      float scale0 = token < args.L ? 1.f : 0.f, scale1 = token + 8 < args.L ? 1.f : 0.f, weight = 0;
      if constexpr (kWeighted) {
        const int64_t first = static_cast<int64_t>(x) * args.L;
        if (token < args.L) scale0 = args.scale_XL[first + token];
        if (token + 8 < args.L) scale1 = args.scale_XL[first + token + 8];
        const int own = tile * T + threadIdx.x % 128;
        if (threadIdx.x % 128 < T && own < args.L) weight = args.column_XL[first + own];
      }
      barrier_wait(k_full(stage), i / Smem::kStages & 1);
      float y[M / 2];
      wgmma_begin();
      project<D, M>(y, smem + Smem::kK + stage * kTile<D>, smem + Smem::kW);
      wgmma_commit();
      if (tile > tile_begin) {
        barrier_wait(v_full((i - 1) % Smem::kStages), (i - 1) / Smem::kStages & 1);
        wgmma_begin();
        accumulate(i - 1);
        wgmma_commit();
        wgmma_wait<1>();
      } else {
        wgmma_wait<0>();
      }
      if (lane == 0) barrier_arrive(k_empty(stage));
      store_softmax<M>(y, sign, scale0, scale1, p_buffers + (i & 1) * Smem::kPBytes, warp, lane);
      if (kWeighted && threadIdx.x % 128 < T) store_weight(weight, column_of(i), threadIdx.x % 128);
      if (tile > tile_begin) {
        wgmma_wait<0>();
        if (lane == 0) barrier_arrive(v_empty((i - 1) % Smem::kStages));
      }
      // All four warps have read the other p buffer by now, and written this one.
      fence_async_proxy();
      warpgroup_barrier(1 + half);
    }
    if (lane == 0) barrier_arrive(w_empty);
    barrier_wait(v_full((i - 1) % Smem::kStages), (i - 1) / Smem::kStages & 1);
    wgmma_begin();
    accumulate(i - 1);
    wgmma_commit();
    wgmma_wait<0>();
    if (lane == 0) barrier_arrive(v_empty((i - 1) % Smem::kStages));

    const int64_t slot = static_cast<int64_t>(blockIdx.x) * args.slots + local_x;
    const int feature = half * M + 16 * warp + lane / 4;
    float* s_out = args.s + (slot * 2 * M + feature) * D + 2 * (lane & 3);
    float* z_out = args.z + slot * 2 * M + feature;
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
#pragma unroll
      for (int j = 0; j < D / 8; ++j) {
        *reinterpret_cast<float2*>(s_out + block * 64 * D + 8 * j) = {s[block][4 * j], s[block][4 * j + 1]};
        *reinterpret_cast<float2*>(s_out + (block * 64 + 8) * D + 8 * j) = {s[block][4 * j + 2], s[block][4 * j + 3]};
      }
      if ((lane & 3) == 0) {
        z_out[block * 64] = kWeighted ? z[block][0] + z[block][1] : z[block][0];
        z_out[block * 64 + 8] = kWeighted ? z[block][2] + z[block][3] : z[block][2];
      }
    }
  }
}

}  // namespace lintorch::ops::hedgehog
