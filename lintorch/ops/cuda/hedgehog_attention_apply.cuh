// q -> o = v_mean + phi(q) S / (phi(q) . z), with the centred S.
// One warpgroup loads; two take tiles in turn. phi goes from the accumulators of q W straight into the A operand, not
// normalized: the two halves' sums are applied to the output.
#pragma once

#include "lintorch/ops/cuda/hedgehog_attention_tiles.cuh"

namespace lintorch::ops::hedgehog {

template <int D, int M>
struct ApplySmem {
  static constexpr int kStages = 4;
  static constexpr int kW = 0;               // [M / 64 panels][128 rows]
  static constexpr int kS = kW + D * M * 2;  // [D / 64 panels][2 M rows]
  static constexpr int kQ = kS + 2 * M * D * 2;
  static constexpr int kO = kQ + kStages * kTile<D>;  // one tile per consumer warpgroup
  static constexpr int kZ = kO + 2 * kTile<D>;        // per consumer warpgroup: z [2 M], v_mean [D]
  static constexpr int kZBytes = (2 * M + D) * 4;
  static constexpr int kBarriers = kZ + 2 * kZBytes;
  static constexpr int kBytes = kBarriers + (2 * kStages + 2) * 8 + 1024;
};

struct ApplyArgs {
  const float* z_XE;
  const float* v_mean_XD;
  int num_x, tiles, B;
};

template <int D, int M>
__global__ void __launch_bounds__(kThreads, 1)
    apply_kernel(const __grid_constant__ CUtensorMap map_q, const __grid_constant__ CUtensorMap map_o,
                 const __grid_constant__ CUtensorMap map_w, const __grid_constant__ CUtensorMap map_s,
                 const ApplyArgs args) {
  using Smem = ApplySmem<D, M>;
  constexpr int E = 2 * M;
  extern __shared__ uint8_t dynamic_smem[];
  const uint32_t smem = (shared_address(dynamic_smem) + 1023) & ~1023u;
  const uint32_t barriers = smem + Smem::kBarriers;
  const auto q_full = [&](int stage) { return barriers + 8 * stage; };
  const auto q_empty = [&](int stage) { return barriers + 8 * (Smem::kStages + stage); };
  const uint32_t state_full = barriers + 8 * 2 * Smem::kStages, state_empty = state_full + 8;

  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Smem::kStages; ++stage) {
      barrier_init(q_full(stage), 1);
      barrier_init(q_empty(stage), 4);  // the warps of the one warpgroup that takes the tile
    }
    barrier_init(state_full, 1);
    barrier_init(state_empty, kConsumerWarps);
    fence_barrier_init();
  }
  __syncthreads();

  const Share share(blockIdx.x, gridDim.x, args.num_x, args.tiles);
  const int warpgroup = threadIdx.x / 128;
  if (warpgroup == 0) {
    give_registers<24>();
    if (threadIdx.x != 0) return;
    int loaded_x = -1, loads = 0;
    for (int item = share.begin, i = 0; item < share.end; ++item, ++i) {
      const int x = item / args.tiles, n = x / args.B, b = x % args.B, stage = i % Smem::kStages;
      if (x != loaded_x) {
        if (loads > 0) barrier_wait(state_empty, (loads - 1) & 1);
        barrier_expect_bytes(state_full, D * M * 2 + E * D * 2);
        for (int panel = 0; panel < M / 64; ++panel)
          tma_load(smem + Smem::kW + panel * D * 128, map_w, state_full, 64 * panel, 0, n);
        for (int panel = 0; panel < D / 64; ++panel)
          tma_load(smem + Smem::kS + panel * E * 128, map_s, state_full, 64 * panel, 0, x);
        loaded_x = x;
        ++loads;
      }
      barrier_wait(q_empty(stage), (i / Smem::kStages & 1) ^ 1);
      barrier_expect_bytes(q_full(stage), kTile<D>);
      for (int panel = 0; panel < D / 64; ++panel)
        tma_load(smem + Smem::kQ + stage * kTile<D> + panel * kPanel, map_q, q_full(stage), 64 * panel, n,
                 item % args.tiles * T, b);
    }
    return;
  }

  take_registers<240>();
  const int consumer = warpgroup - 1;
  const int thread = threadIdx.x % 128, warp = thread / 32, lane = thread % 32;
  const uint32_t z = smem + Smem::kZ + consumer * Smem::kZBytes, v_mean = z + E * 4;
  const uint32_t out = smem + Smem::kO + consumer * kTile<D>;
  for (int local_x = 0; local_x < share.num_x(); ++local_x) {
    const int x = share.first_x() + local_x, n = x / args.B, b = x % args.B;
    const int item_end = min(share.end, (x + 1) * args.tiles);
    int item = max(share.begin, x * args.tiles);
    item += (item - share.begin + consumer) & 1;  // tiles alternate between the warpgroups
    warpgroup_barrier(1 + consumer);              // everyone is done with the old z
    for (int e = thread; e < E + D; e += 128) {
      const float value =
          e < E ? args.z_XE[static_cast<int64_t>(x) * E + e] : args.v_mean_XD[static_cast<int64_t>(x) * D + e - E];
      asm volatile("st.shared.f32 [%0], %1;" ::"r"(z + 4 * e), "f"(value) : "memory");
    }
    warpgroup_barrier(1 + consumer);
    barrier_wait(state_full, local_x & 1);
    for (; item < item_end; item += 2) {
      const int i = item - share.begin, stage = i % Smem::kStages;
      barrier_wait(q_full(stage), i / Smem::kStages & 1);
      float y[M / 2];
      wgmma_begin();
      project<D, M>(y, smem + Smem::kQ + stage * kTile<D>, smem + Smem::kW);
      wgmma_commit();
      wgmma_wait<0>();
      if (lane == 0) barrier_arrive(q_empty(stage));

      float o[D / 2];
      uint32_t plus[M / 16][4], minus[M / 16][4];
      const HalfSums p = exponentials<M>(y, 1.f, z, plus, lane);
      wgmma_begin();
#pragma unroll
      for (int step = 0; step < M / 16; ++step)
        wgmma<true>(o, plus[step], mn_major(smem + Smem::kS + step * 2048, E * 128), step > 0);
      wgmma_commit();
      const HalfSums m = exponentials<M>(y, -1.f, z + 4 * M, minus, lane);
      wgmma_wait<0>();
      // o = (a+ S+ / l+ + a- S- / l-) / den = (a+ S+ (l- / l+) + a- S-) / (l- den)
      const float ratio0 = m.sum0 / p.sum0, ratio1 = m.sum1 / p.sum1;
#pragma unroll
      for (int j = 0; j < D / 2; j += 4) {
        o[j] *= ratio0;
        o[j + 1] *= ratio0;
        o[j + 2] *= ratio1;
        o[j + 3] *= ratio1;
      }
      wgmma_begin();
#pragma unroll
      for (int step = 0; step < M / 16; ++step)
        wgmma<true>(o, minus[step], mn_major(smem + Smem::kS + M * 128 + step * 2048, E * 128), true);
      wgmma_commit();
      const float scale0 = 1.f / fmaf(p.dot0, ratio0, m.dot0), scale1 = 1.f / fmaf(p.dot1, ratio1, m.dot1);
      if (thread == 0) tma_store_wait_read();
      wgmma_wait<0>();
      warpgroup_barrier(1 + consumer);  // the output buffer is free
      const int row = 16 * warp + (lane & 7) + (lane & 8);
#pragma unroll
      for (int j = 0; j < D / 16; ++j) {
        uint32_t pairs[4];
#pragma unroll
        for (int k = 0; k < 2; ++k) {
          float mean0, mean1;
          asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];"
                       : "=f"(mean0), "=f"(mean1)
                       : "r"(v_mean + 4 * (16 * j + 8 * k + 2 * (lane & 3))));
          const int c = 8 * j + 4 * k;
          pairs[2 * k] = pack_bf16(fmaf(o[c], scale0, mean0), fmaf(o[c + 1], scale0, mean1));
          pairs[2 * k + 1] = pack_bf16(fmaf(o[c + 2], scale1, mean0), fmaf(o[c + 3], scale1, mean1));
        }
        const int chunk = 2 * j + (lane >> 4);
        store_matrices(out + (chunk >> 3) * kPanel + panel_offset(row, chunk & 7), pairs[0], pairs[1], pairs[2],
                       pairs[3]);
      }
      fence_async_proxy();
      warpgroup_barrier(1 + consumer);
      if (thread == 0) {
        for (int panel = 0; panel < D / 64; ++panel)
          tma_store(map_o, out + panel * kPanel, 64 * panel, n, item % args.tiles * T, b);
        tma_store_commit();
      }
    }
    if (lane == 0) barrier_arrive(state_empty);
  }
  if (thread == 0) tma_store_wait();
}

}  // namespace lintorch::ops::hedgehog
