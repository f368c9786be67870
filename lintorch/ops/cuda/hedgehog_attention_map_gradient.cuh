// Gradients with respect to one of q and k (and v), token by token.
//   kQuery:  G = do S^T;  n = 1 / (phi . z);  delta = n phi . G;  dphi = n (G - delta z);  also writes n and -delta
//   else:    G = v dS^T;  dphi = G + c;  dv = phi dS
//   both:    dy = p+ (dphi+ - <dphi+, p+>) - p- (dphi- - <dphi-, p->);  dx = dy W^T
// One warpgroup loads; two take tiles in turn. phi stays in registers, packed and not normalized. G is computed 64 features
// at a time, all of them for the sums over features and then, in turn, again for dy: it does not fit the registers whole.
#pragma once

#include "lintorch/ops/cuda/hedgehog_attention_tiles.cuh"

namespace lintorch::ops::hedgehog {

template <int D, int M>
struct MapGradientSmem {
  static constexpr int kStages = 2;
  static constexpr int kOutBytes = (D > M ? D : M) / 64 * kPanel;
  static constexpr int kW = 0;               // [M / 64 panels][D rows]
  static constexpr int kS = kW + D * M * 2;  // S or dS, [D / 64 panels][2 M rows]
  static constexpr int kX = kS + 2 * M * D * 2;
  static constexpr int kG = kX + kStages * kTile<D>;    // do or v
  static constexpr int kOut = kG + kStages * kTile<D>;  // one tile per consumer warpgroup
  static constexpr int kU = kOut + 2 * kOutBytes;       // z or c, per consumer warpgroup
  static constexpr int kBarriers = kU + 2 * 2 * M * 4;
  static constexpr int kBytes = kBarriers + (4 * kStages + 2) * 8 + 1024;
};

struct MapGradientArgs {
  const float* u_XE;  // z or c
  float* scale_XL;    // kQuery: n
  float* column_XL;   // kQuery: -delta
  int num_x, tiles, B, L;
  bool need_x, need_y, need_v;
};

__device__ __forceinline__ float2 load_pair(uint32_t address) {
  float2 pair;
  asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(pair.x), "=f"(pair.y) : "r"(address));
  return pair;
}

// Adds <p, g + u> of the two rows over the features of one chunk of 64, p not normalized; not yet summed over lanes. u: the
// chunk's part of a vector over the features in shared memory, or 0 for none.
template <int M>
__device__ __forceinline__ void add_dots(float2& dots, const uint32_t (&packed)[M / 16][4], const float (&g)[32],
                                         uint32_t u, int chunk, int lane) {
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const uint32_t* const p = packed[4 * chunk + j / 2] + j % 2 * 2;
    const float2 p0 = unpack_bf16(p[0]), p1 = unpack_bf16(p[1]);
    const float2 c = u ? load_pair(u + 4 * (8 * j + 2 * (lane & 3))) : float2{0.f, 0.f};
    dots.x = fmaf(p0.x, g[4 * j] + c.x, fmaf(p0.y, g[4 * j + 1] + c.y, dots.x));
    dots.y = fmaf(p1.x, g[4 * j + 2] + c.x, fmaf(p1.y, g[4 * j + 3] + c.y, dots.y));
  }
}

template <int D, int M, bool kQuery>
__global__ void __launch_bounds__(kThreads, 1)
    map_gradient_kernel(const __grid_constant__ CUtensorMap map_x, const __grid_constant__ CUtensorMap map_g,
                        const __grid_constant__ CUtensorMap map_w, const __grid_constant__ CUtensorMap map_s,
                        const __grid_constant__ CUtensorMap map_dx, const __grid_constant__ CUtensorMap map_dy,
                        const __grid_constant__ CUtensorMap map_dv, const MapGradientArgs args) {
  using Smem = MapGradientSmem<D, M>;
  constexpr int E = 2 * M, kChunks = M / 64;
  extern __shared__ uint8_t dynamic_smem[];
  const uint32_t smem = (shared_address(dynamic_smem) + 1023) & ~1023u;
  const uint32_t barriers = smem + Smem::kBarriers;
  const auto x_full = [&](int stage) { return barriers + 8 * stage; };
  const auto x_empty = [&](int stage) { return barriers + 8 * (Smem::kStages + stage); };
  const auto g_full = [&](int stage) { return barriers + 8 * (2 * Smem::kStages + stage); };
  const auto g_empty = [&](int stage) { return barriers + 8 * (3 * Smem::kStages + stage); };
  const uint32_t state_full = barriers + 8 * 4 * Smem::kStages, state_empty = state_full + 8;

  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Smem::kStages; ++stage) {
      barrier_init(x_full(stage), 1);
      barrier_init(g_full(stage), 1);
      barrier_init(x_empty(stage), 4);  // the warps of the one warpgroup that takes the tile
      barrier_init(g_empty(stage), 4);
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
      const int x = item / args.tiles, token = item % args.tiles * T, n = x / args.B, b = x % args.B;
      const int stage = i % Smem::kStages, parity = (i / Smem::kStages & 1) ^ 1;
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
      barrier_wait(x_empty(stage), parity);
      barrier_expect_bytes(x_full(stage), kTile<D>);
      for (int panel = 0; panel < D / 64; ++panel)
        tma_load(smem + Smem::kX + stage * kTile<D> + panel * kPanel, map_x, x_full(stage), 64 * panel, n, token, b);
      barrier_wait(g_empty(stage), parity);
      barrier_expect_bytes(g_full(stage), kTile<D>);
      for (int panel = 0; panel < D / 64; ++panel)
        tma_load(smem + Smem::kG + stage * kTile<D> + panel * kPanel, map_g, g_full(stage), 64 * panel, n, token, b);
    }
    return;
  }

  take_registers<240>();
  const int consumer = warpgroup - 1;
  const int thread = threadIdx.x % 128, warp = thread / 32, lane = thread % 32;
  const uint32_t u = smem + Smem::kU + consumer * E * 4, out = smem + Smem::kOut + consumer * Smem::kOutBytes;
  const uint32_t w = smem + Smem::kW, s = smem + Smem::kS;
  for (int local_x = 0; local_x < share.num_x(); ++local_x) {
    const int x = share.first_x() + local_x, n = x / args.B, b = x % args.B;
    const int item_end = min(share.end, (x + 1) * args.tiles);
    int item = max(share.begin, x * args.tiles);
    item += (item - share.begin + consumer) & 1;  // tiles alternate between the warpgroups
    warpgroup_barrier(1 + consumer);              // everyone is done with the old u
    for (int e = thread; e < E; e += 128)
      asm volatile("st.shared.f32 [%0], %1;" ::"r"(u + 4 * e), "f"(args.u_XE[static_cast<int64_t>(x) * E + e])
                   : "memory");
    warpgroup_barrier(1 + consumer);
    barrier_wait(state_full, local_x & 1);
    for (; item < item_end; item += 2) {
      const int i = item - share.begin, stage = i % Smem::kStages, parity = i / Smem::kStages & 1;
      const int first_token = item % args.tiles * T;
      // The whole warpgroup waits until the last stored tile has left `out`, then writes and stores the next.
      const auto store = [&](const CUtensorMap& map, auto& packed) {
        constexpr int kPanels = sizeof(packed) / 64;  // a panel: 4 groups of 16 channels, each four words
        if (thread == 0) tma_store_wait_read();
        warpgroup_barrier(1 + consumer);
        store_tile<64 * kPanels>(out, packed, warp, lane);
        fence_async_proxy();
        warpgroup_barrier(1 + consumer);
        if (thread == 0) {
          for (int panel = 0; panel < kPanels; ++panel)
            tma_store(map, out + panel * kPanel, 64 * panel, n, first_token, b);
          tma_store_commit();
        }
      };
      // G = g S^T of 64 features of one half.
      const auto multiply_state = [&](float(&result)[32], int half, int chunk) {
#pragma unroll
        for (int step = 0; step < D / 16; ++step)
          wgmma<false, false>(
              result, k_major(smem + Smem::kG + stage * kTile<D> + (step / 4) * kPanel + (step % 4) * 32),
              k_major(s + (step / 4) * E * 128 + (half * M + 64 * chunk) * 128 + (step % 4) * 32), step > 0);
      };

      barrier_wait(x_full(stage), parity);
      float y[M / 2];
      wgmma_begin();
      project<D, M>(y, smem + Smem::kX + stage * kTile<D>, w);
      wgmma_commit();
      barrier_wait(g_full(stage), parity);
      wgmma_wait<0>();
      if (lane == 0) barrier_arrive(x_empty(stage));

      uint32_t plus[M / 16][4], minus[M / 16][4];
      const HalfSums p = exponentials<M>(y, 1.f, u, plus, lane);
      const HalfSums m = exponentials<M>(y, -1.f, u + 4 * M, minus, lane);
      float g_plus[32], g_minus[32];
      const auto multiply_both = [&](int chunk) {
        wgmma_begin();
        multiply_state(g_plus, 0, chunk);
        multiply_state(g_minus, 1, chunk);
        wgmma_commit();
        wgmma_wait<0>();
      };
      float2 dot_plus{}, dot_minus{};
#pragma unroll
      for (int chunk = 0; chunk < kChunks; ++chunk) {
        multiply_both(chunk);
        add_dots<M>(dot_plus, plus, g_plus, kQuery ? 0 : u + 256 * chunk, chunk, lane);
        add_dots<M>(dot_minus, minus, g_minus, kQuery ? 0 : u + 4 * M + 256 * chunk, chunk, lane);
      }
      dot_plus = {row_sum(dot_plus.x), row_sum(dot_plus.y)};
      dot_minus = {row_sum(dot_minus.x), row_sum(dot_minus.y)};

      const float a0 = 1.f / p.sum0, a1 = 1.f / p.sum1, b0 = 1.f / m.sum0, b1 = 1.f / m.sum1;
      const float u_plus0 = p.dot0 * a0, u_plus1 = p.dot1 * a1, u_minus0 = m.dot0 * b0, u_minus1 = m.dot1 * b1;
      const float g_plus0 = dot_plus.x * a0, g_plus1 = dot_plus.y * a1;
      const float g_minus0 = dot_minus.x * b0, g_minus1 = dot_minus.y * b1;
      float scale0 = 1, scale1 = 1, kappa0 = 1, kappa1 = 1;  // dphi = scale (G + kappa u)
      if constexpr (kQuery) {
        scale0 = 1.f / (u_plus0 + u_minus0);
        scale1 = 1.f / (u_plus1 + u_minus1);
        kappa0 = -scale0 * (g_plus0 + g_minus0);
        kappa1 = -scale1 * (g_plus1 + g_minus1);
        const int token = first_token + 16 * warp + lane / 4;
        const int64_t at = static_cast<int64_t>(x) * args.L + token;
        if ((lane & 3) == 0 && token < args.L) {
          args.scale_XL[at] = scale0;
          args.column_XL[at] = kappa0;
        }
        if ((lane & 3) == 0 && token + 8 < args.L) {
          args.scale_XL[at + 8] = scale1;
          args.column_XL[at + 8] = kappa1;
        }
      }
      if (args.need_x || args.need_y) {
        // <dphi, p> / scale. Where v has a large mean, G and c are large and cancel: their products with p are one sum above,
        // over the same rounded p.
        const float mean_plus0 = kQuery ? g_plus0 + kappa0 * u_plus0 : g_plus0;
        const float mean_plus1 = kQuery ? g_plus1 + kappa1 * u_plus1 : g_plus1;
        const float mean_minus0 = kQuery ? g_minus0 + kappa0 * u_minus0 : g_minus0;
        const float mean_minus1 = kQuery ? g_minus1 + kappa1 * u_minus1 : g_minus1;
        const float sa0 = scale0 * a0, sa1 = scale1 * a1, sb0 = scale0 * b0, sb1 = scale1 * b1;
        uint32_t dy[M / 16][4];
#pragma unroll
        for (int chunk = kChunks - 1; chunk >= 0; --chunk) {
          if (chunk < kChunks - 1) multiply_both(chunk);  // G of the last chunk is still there
#pragma unroll
          for (int i = 0; i < 8; ++i) {
            const int j = 8 * chunk + i;
            const float2 z_plus = load_pair(u + 4 * (8 * j + 2 * (lane & 3)));
            const float2 z_minus = load_pair(u + 4 * M + 4 * (8 * j + 2 * (lane & 3)));
            const float2 p0 = unpack_bf16(plus[j / 2][j % 2 * 2]), p1 = unpack_bf16(plus[j / 2][j % 2 * 2 + 1]);
            const float2 m0 = unpack_bf16(minus[j / 2][j % 2 * 2]), m1 = unpack_bf16(minus[j / 2][j % 2 * 2 + 1]);
            const auto term = [](float p, float scale, float g, float kappa, float z, float mean) {
              return p * scale * (fmaf(kappa, z, g) - mean);
            };
            dy[j / 2][j % 2 * 2] = pack_bf16(term(p0.x, sa0, g_plus[4 * i], kappa0, z_plus.x, mean_plus0) -
                                                 term(m0.x, sb0, g_minus[4 * i], kappa0, z_minus.x, mean_minus0),
                                             term(p0.y, sa0, g_plus[4 * i + 1], kappa0, z_plus.y, mean_plus0) -
                                                 term(m0.y, sb0, g_minus[4 * i + 1], kappa0, z_minus.y, mean_minus0));
            dy[j / 2][j % 2 * 2 + 1] =
                pack_bf16(term(p1.x, sa1, g_plus[4 * i + 2], kappa1, z_plus.x, mean_plus1) -
                              term(m1.x, sb1, g_minus[4 * i + 2], kappa1, z_minus.x, mean_minus1),
                          term(p1.y, sa1, g_plus[4 * i + 3], kappa1, z_plus.y, mean_plus1) -
                              term(m1.y, sb1, g_minus[4 * i + 3], kappa1, z_minus.y, mean_minus1));
          }
        }
        if (lane == 0) barrier_arrive(g_empty(stage));
        if (args.need_y) store(map_dy, dy);
        if (args.need_x) {
          float dx[D / 2];
          wgmma_begin();
#pragma unroll
          for (int step = 0; step < M / 16; ++step)
            wgmma<false>(dx, dy[step], k_major(w + (step / 4) * D * 128 + (step % 4) * 32), step > 0);
          wgmma_commit();
          wgmma_wait<0>();
          uint32_t packed[D / 16][4];
          pack_rows<D>(packed, dx, 1.f, 1.f);
          store(map_dx, packed);
        }
      }
      if (!args.need_x && !args.need_y && lane == 0) barrier_arrive(g_empty(stage));
      if constexpr (!kQuery) {
        if (args.need_v) {  // dv = (a P+ dS+ / b + P- dS-) b, with the halves' inverse sums a and b
          float dv[D / 2];
          wgmma_begin();
#pragma unroll
          for (int step = 0; step < M / 16; ++step)
            wgmma<true>(dv, plus[step], mn_major(s + step * 2048, E * 128), step > 0);
          wgmma_commit();
          wgmma_wait<0>();
          const float ratio0 = a0 * m.sum0, ratio1 = a1 * m.sum1;
#pragma unroll
          for (int j = 0; j < D / 2; j += 4) {
            dv[j] *= ratio0;
            dv[j + 1] *= ratio0;
            dv[j + 2] *= ratio1;
            dv[j + 3] *= ratio1;
          }
          wgmma_begin();
#pragma unroll
          for (int step = 0; step < M / 16; ++step)
            wgmma<true>(dv, minus[step], mn_major(s + M * 128 + step * 2048, E * 128), true);
          wgmma_commit();
          wgmma_wait<0>();
          uint32_t packed[D / 16][4];
          pack_rows<D>(packed, dv, b0, b1);
          store(map_dv, packed);
        }
      }
    }
    if (lane == 0) barrier_arrive(state_empty);
  }
  if (thread == 0) tma_store_wait();
}

}  // namespace lintorch::ops::hedgehog
