// Rows to FP8 with one scale each, GELU before it if asked for. A block takes one row, which stays in registers between the
// search for the largest element and the rounding: one read, one write.
#include <cuda_fp8.h>

#include "lintorch/ops/cuda/quantize_rows_params.h"
#include "lintorch/ops/cuda/row_kernels.cuh"

namespace lintorch::ops {
namespace {

using namespace rows;

// tanh form: x / (1 + exp(-2 sqrt(2/pi) (x + 0.044715 x^3))).
__device__ __forceinline__ float gelu(float x) {
  constexpr float kScale = 1.5957691216057308f;
  return x / (1 + __expf(-kScale * fmaf(0.044715f * x * x, x, x)));
}

template <class T, int kVectors>
__global__ void __launch_bounds__(256) quantize_kernel(const QuantizeRowsParams p) {
  __shared__ float warp_maxima[8];
  const int64_t row = blockIdx.x;
  const T* x = static_cast<const T*>(p.x) + row * p.width;
  Vector y[kVectors];
  float largest = 0;
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = (i * blockDim.x + threadIdx.x) * kVector;
    if (column >= p.width) continue;
    load(x + column, y[i]);
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      if (p.gelu) y[i][j] = gelu(y[i][j]);
      largest = fmaxf(largest, fabsf(y[i][j]));
    }
  }
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, offset));
  if (threadIdx.x % kWarp == 0) warp_maxima[threadIdx.x / kWarp] = largest;
  __syncthreads();
  for (int warp = 0; warp < blockDim.x / kWarp; ++warp) largest = fmaxf(largest, warp_maxima[warp]);

  // Divisions rounded as elsewhere, so that the bits are those of the composition.
  const float scale = largest > 0 ? __fdiv_rn(largest, kLargestE4m3) : 1.f;
  if (threadIdx.x == 0) p.scale[row] = scale;
  auto* values = static_cast<__nv_fp8_storage_t*>(p.values) + row * p.width;
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = (i * blockDim.x + threadIdx.x) * kVector;
    if (column >= p.width) continue;
    uint32_t packed[2];
#pragma unroll
    for (int word = 0; word < 2; ++word) {
      const float* v = y[i] + 4 * word;
      const auto pair = [&](int j) -> uint32_t {
        return __nv_cvt_float2_to_fp8x2({__fdiv_rn(v[j], scale), __fdiv_rn(v[j + 1], scale)}, __NV_SATFINITE,
                                        __NV_E4M3);
      };
      packed[word] = pair(0) | pair(2) << 16;
    }
    *reinterpret_cast<uint2*>(values + column) = {packed[0], packed[1]};
  }
}

template <class T, int kVectors>
int launch(const QuantizeRowsParams& p, cudaStream_t stream) {
  const int groups = (p.width / kVector + kVectors - 1) / kVectors;
  const int threads = (groups + kWarp - 1) / kWarp * kWarp;
  quantize_kernel<T, kVectors><<<static_cast<unsigned>(p.rows), threads, 0, stream>>>(p);
  return cudaGetLastError();
}

// As few vectors a thread as a block of 256 threads allows.
template <class T>
int launch(const QuantizeRowsParams& p, cudaStream_t stream) {
  if (p.width <= 1 * 2048) return launch<T, 1>(p, stream);
  if (p.width <= 2 * 2048) return launch<T, 2>(p, stream);
  if (p.width <= 3 * 2048) return launch<T, 3>(p, stream);
  if (p.width <= 5 * 2048) return launch<T, 5>(p, stream);
  return p.width <= 7 * 2048 ? launch<T, 7>(p, stream) : launch<T, 8>(p, stream);
}

}  // namespace

int launch_quantize_rows(const QuantizeRowsParams& params, void* stream) {
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return params.dtype == KernelDtype::kFloat ? launch<float>(params, cuda_stream)
                                             : launch<__nv_bfloat16>(params, cuda_stream);
}

}  // namespace lintorch::ops
