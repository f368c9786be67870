// phi(y) = [softmax(y), softmax(-y)] over the last axis, one warp per row, the row held in registers.
// Reads y once, writes phi once: 3 x width elements per row. Statistics in fp32.

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "lintorch/ops/cuda/hedgehog_features_params.h"

namespace lintorch::ops {

namespace {

constexpr int kWarp = 32;
constexpr int kRowsPerBlock = 8;

__device__ float to_float(float x) { return x; }
__device__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ void store(float* p, float x) { *p = x; }
__device__ void store(__nv_bfloat16* p, float x) { *p = __float2bfloat16(x); }

__device__ float warp_max(float x) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, offset));
  return x;
}

__device__ float warp_sum(float x) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
  return x;
}

template <typename T, int kWidth>
__global__ void forward_kernel(const T* __restrict__ y, T* __restrict__ phi, int64_t rows) {
  constexpr int kPerLane = kWidth / kWarp;
  const int lane = threadIdx.x;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kRowsPerBlock + threadIdx.y;
  if (row >= rows) return;
  float value[kPerLane], high = -INFINITY, low = INFINITY;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    value[i] = to_float(y[row * kWidth + i * kWarp + lane]);
    high = fmaxf(high, value[i]);
    low = fminf(low, value[i]);
  }
  high = warp_max(high);
  low = -warp_max(-low);
  float plus[kPerLane], minus[kPerLane], plus_sum = 0, minus_sum = 0;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    plus_sum += plus[i] = __expf(value[i] - high);
    minus_sum += minus[i] = __expf(low - value[i]);
  }
  const float plus_scale = 1.0f / warp_sum(plus_sum);
  const float minus_scale = 1.0f / warp_sum(minus_sum);
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    T* out = phi + row * 2 * kWidth + i * kWarp + lane;
    store(out, plus[i] * plus_scale);
    store(out + kWidth, minus[i] * minus_scale);
  }
}

// d_y = p+ (g+ - <g+, p+>) - p- (g- - <g-, p->)
template <typename T, int kWidth>
__global__ void backward_kernel(const T* __restrict__ phi, const T* __restrict__ d_phi, T* __restrict__ d_y,
                                int64_t rows) {
  constexpr int kPerLane = kWidth / kWarp;
  const int lane = threadIdx.x;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kRowsPerBlock + threadIdx.y;
  if (row >= rows) return;
  float p_plus[kPerLane], p_minus[kPerLane], g_plus[kPerLane], g_minus[kPerLane], dot_plus = 0, dot_minus = 0;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    const int64_t at = row * 2 * kWidth + i * kWarp + lane;
    p_plus[i] = to_float(phi[at]);
    p_minus[i] = to_float(phi[at + kWidth]);
    g_plus[i] = to_float(d_phi[at]);
    g_minus[i] = to_float(d_phi[at + kWidth]);
    dot_plus += p_plus[i] * g_plus[i];
    dot_minus += p_minus[i] * g_minus[i];
  }
  dot_plus = warp_sum(dot_plus);
  dot_minus = warp_sum(dot_minus);
#pragma unroll
  for (int i = 0; i < kPerLane; ++i)
    store(d_y + row * kWidth + i * kWarp + lane,
          p_plus[i] * (g_plus[i] - dot_plus) - p_minus[i] * (g_minus[i] - dot_minus));
}

/// Calls launch<T, width>() for the dtype and width asked for.
template <class Launch>
int dispatch(KernelDtype dtype, int width, Launch launch) {
  const auto with_width = [&](auto element) -> int {
    using T = decltype(element);
    switch (width) {
      case 32:
        launch.template operator()<T, 32>();
        break;
      case 64:
        launch.template operator()<T, 64>();
        break;
      case 128:
        launch.template operator()<T, 128>();
        break;
      case 256:
        launch.template operator()<T, 256>();
        break;
      default:
        return static_cast<int>(cudaErrorInvalidValue);
    }
    return static_cast<int>(cudaGetLastError());
  };
  return dtype == KernelDtype::kFloat ? with_width(float{}) : with_width(__nv_bfloat16{});
}

}  // namespace

int launch_hedgehog_features(const HedgehogFeaturesParams& params, void* stream) {
  const dim3 block(kWarp, kRowsPerBlock);
  const dim3 grid(static_cast<unsigned>((params.rows + kRowsPerBlock - 1) / kRowsPerBlock));
  return dispatch(params.dtype, params.width, [&]<typename T, int kWidth>() {
    forward_kernel<T, kWidth><<<grid, block, 0, static_cast<cudaStream_t>(stream)>>>(
        static_cast<const T*>(params.y), static_cast<T*>(params.phi), params.rows);
  });
}

int launch_hedgehog_features_backward(const HedgehogFeaturesBackwardParams& params, void* stream) {
  const dim3 block(kWarp, kRowsPerBlock);
  const dim3 grid(static_cast<unsigned>((params.rows + kRowsPerBlock - 1) / kRowsPerBlock));
  return dispatch(params.dtype, params.width, [&]<typename T, int kWidth>() {
    backward_kernel<T, kWidth><<<grid, block, 0, static_cast<cudaStream_t>(stream)>>>(
        static_cast<const T*>(params.phi), static_cast<const T*>(params.d_phi), static_cast<T*>(params.d_y),
        params.rows);
  });
}

}  // namespace lintorch::ops
