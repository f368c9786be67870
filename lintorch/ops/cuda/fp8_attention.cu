// What stands around cuDNN's FP8 attention: q, k and v to e4m3 with one scale each, k and v without their means over the tokens,
// and the output back. Sum, smallest and largest element of every channel come from one pass, which gives the largest element
// after the mean is taken off too: max(largest - mean, mean - smallest). So each operand is read twice and written once.
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <algorithm>

#include "lintorch/ops/cuda/fp8_attention_params.h"
#include "lintorch/ops/cuda/row_kernels.cuh"

namespace lintorch::ops {
namespace {

using namespace rows;

constexpr int kRows = 8;             // tokens a block treats at a time, kWarp vectors of channels of each
constexpr int kMostChunks = 128;     // of the tokens
constexpr int kTokensPerChunk = 64;  // at least
constexpr int kFinalizeThreads = 256;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Division {
  int chunks;
  int width;  // channels of all heads, of the widest operand
};

Division division(const Fp8AttentionParams& p) {
  int64_t tokens = 0;
  int head_dim = 0;
  for (const auto& operand : p.operand) {
    tokens = std::max(tokens, operand.tokens);
    head_dim = std::max(head_dim, operand.head_dim);
  }
  return {static_cast<int>(std::min<int64_t>(kMostChunks, ceil_div(tokens, kTokensPerChunk))), p.N * head_dim};
}

size_t partial_floats(const Fp8AttentionParams& p, const Division& d) { return size_t{9} * p.B * d.chunks * d.width; }

// Sums, smallest and largest elements, [3 operands * B][chunks][3][width], then the largest |x - mean| of each operand.
struct Workspace {
  float* partials;
  unsigned* largest;
  Division d;

  __device__ float* partial(int operand_and_batch, int chunk, int which) const {
    return partials + ((static_cast<int64_t>(operand_and_batch) * d.chunks + chunk) * 3 + which) * d.width;
  }
};

Workspace workspace(const Fp8AttentionParams& p, const Division& d) {
  auto* partials = static_cast<float*>(p.workspace);
  return {partials, reinterpret_cast<unsigned*>(partials + partial_floats(p, d)), d};
}

// The tokens and channels of a thread in blocks (channels, chunks, operands * B).
struct Place {
  int operand, batch, column;
  int64_t begin, end;
  bool inside;

  __device__ Place(const Fp8AttentionParams& p, int chunks) {
    operand = blockIdx.z / p.B;
    batch = blockIdx.z - operand * p.B;
    column = (blockIdx.x * kWarp + threadIdx.x) * kVector;
    const Fp8AttentionOperand& a = p.operand[operand];
    inside = column < p.N * a.head_dim;
    const int64_t tokens = (a.tokens + chunks - 1) / chunks;
    begin = blockIdx.y * tokens;
    end = begin + tokens < a.tokens ? begin + tokens : a.tokens;
  }
};

template <class T>
__device__ const T* first_token(const Fp8AttentionOperand& a, const Place& place) {
  const int head = place.column / a.head_dim;
  return static_cast<const T*>(a.x) + place.batch * a.stride_B + head * a.stride_N + place.column - head * a.head_dim;
}

template <class T>
__global__ void __launch_bounds__(kWarp* kRows) statistics_kernel(const Fp8AttentionParams p, const Workspace w) {
  alignas(16) __shared__ float shared[kRows][3][kWarp * kVector];
  const Place place(p, w.d.chunks);
  Vector sum, smallest, largest;
  fill(sum, 0);
  fill(smallest, INFINITY);
  fill(largest, -INFINITY);
  if (place.inside) {
    const Fp8AttentionOperand& a = p.operand[place.operand];
    const T* x = first_token<T>(a, place);
#pragma unroll 4
    for (int64_t token = place.begin + threadIdx.y; token < place.end; token += kRows) {
      Vector y;
      load(x + token * a.stride_tokens, y);
#pragma unroll
      for (int i = 0; i < kVector; ++i) {
        sum[i] += y[i];
        smallest[i] = fminf(smallest[i], y[i]);
        largest[i] = fmaxf(largest[i], y[i]);
      }
    }
  }
  store(&shared[threadIdx.y][0][threadIdx.x * kVector], sum);
  store(&shared[threadIdx.y][1][threadIdx.x * kVector], smallest);
  store(&shared[threadIdx.y][2][threadIdx.x * kVector], largest);
  __syncthreads();
  // One channel a thread; the rows in order.
  const int channel = threadIdx.y * kWarp + threadIdx.x;
  float total = 0, low = INFINITY, high = -INFINITY;
  for (int row = 0; row < kRows; ++row) {
    total += shared[row][0][channel];
    low = fminf(low, shared[row][1][channel]);
    high = fmaxf(high, shared[row][2][channel]);
  }
  const int column = blockIdx.x * kWarp * kVector + channel;
  if (column >= w.d.width) return;
  w.partial(blockIdx.z, blockIdx.y, 0)[column] = total;
  w.partial(blockIdx.z, blockIdx.y, 1)[column] = low;
  w.partial(blockIdx.z, blockIdx.y, 2)[column] = high;
}

// Blocks (channels, operands * B), one channel a thread.
__global__ void __launch_bounds__(kFinalizeThreads) finalize_kernel(const Fp8AttentionParams p, const Workspace w) {
  const int operand = blockIdx.y / p.B, batch = blockIdx.y - operand * p.B;
  const Fp8AttentionOperand& a = p.operand[operand];
  const int width = p.N * a.head_dim, column = blockIdx.x * blockDim.x + threadIdx.x;
  float magnitude = 0;
  if (column < width) {
    float total = 0, low = INFINITY, high = -INFINITY;
#pragma unroll 4
    for (int chunk = 0; chunk < w.d.chunks; ++chunk) {
      total += w.partial(blockIdx.y, chunk, 0)[column];
      low = fminf(low, w.partial(blockIdx.y, chunk, 1)[column]);
      high = fmaxf(high, w.partial(blockIdx.y, chunk, 2)[column]);
    }
    const float mean = a.mean ? total / static_cast<float>(a.tokens) : 0.f;
    if (a.mean) a.mean[static_cast<int64_t>(batch) * width + column] = mean;
    magnitude = fabsf(fmaxf(high - mean, mean - low));  // of zeros without their sign
  }
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    magnitude = fmaxf(magnitude, __shfl_xor_sync(0xffffffffu, magnitude, offset));
  // Bits of numbers that are not negative are ordered as the numbers; a maximum does not depend on the order of its arguments.
  if (threadIdx.x % kWarp == 0) atomicMax(w.largest + operand, __float_as_uint(magnitude));
}

__device__ float power_of_two(int exponent) { return __uint_as_float(static_cast<unsigned>(exponent + 127) << 23); }

// Exponent of the largest power of two that keeps 2^s largest within 448 = 1.75 * 2^8.
__device__ int scale_exponent(unsigned largest) {
  const int exponent = static_cast<int>(largest >> 23) - 127;
  const int shift = 8 - exponent - ((largest & 0x7fffffu) > 0x600000u);
  constexpr int kLargest = static_cast<int>(kFp8LargestShift);
  return max(-kLargest, min(kLargest, shift));
}

__device__ void write_scalars(Fp8AttentionScalars* s, const unsigned* largest) {
  s->inverse_q.value = power_of_two(-scale_exponent(largest[0]));
  s->inverse_k.value = power_of_two(-scale_exponent(largest[1]));
  s->inverse_v.value = power_of_two(-scale_exponent(largest[2]));
  s->inverse_weights.value = 1 / kFp8WeightScale;
  s->weights.value = kFp8WeightScale;
  s->output.value = power_of_two(scale_exponent(largest[2]) - 1);
  s->amax_weights.value = s->amax_output.value = 0;
}

__device__ uint32_t pack_e4m3(const float* x) {
  const uint32_t low = __nv_cvt_float2_to_fp8x2({x[0], x[1]}, __NV_SATFINITE, __NV_E4M3);
  const uint32_t high = __nv_cvt_float2_to_fp8x2({x[2], x[3]}, __NV_SATFINITE, __NV_E4M3);
  return low | high << 16;
}

template <class T>
__global__ void __launch_bounds__(kWarp* kRows)
    quantize_operands_kernel(const Fp8AttentionParams p, const Workspace w) {
  if (blockIdx.x == 0 && blockIdx.y == 0 && blockIdx.z == 0 && threadIdx.x == 0 && threadIdx.y == 0)
    write_scalars(p.scalars, w.largest);
  const Place place(p, w.d.chunks);
  if (!place.inside) return;
  const Fp8AttentionOperand& a = p.operand[place.operand];
  const int width = p.N * a.head_dim;
  const float scale = power_of_two(scale_exponent(w.largest[place.operand]));
  Vector mean;
  fill(mean, 0);
  if (a.mean) load(a.mean + static_cast<int64_t>(place.batch) * width + place.column, mean);
  const T* x = first_token<T>(a, place);
  auto* values = static_cast<__nv_fp8_storage_t*>(a.values) + place.batch * a.tokens * width + place.column;
#pragma unroll 4
  for (int64_t token = place.begin + threadIdx.y; token < place.end; token += kRows) {
    Vector y;
    load(x + token * a.stride_tokens, y);
#pragma unroll
    for (int i = 0; i < kVector; ++i) y[i] = (y[i] - mean[i]) * scale;
    *reinterpret_cast<uint2*>(values + token * width) = {pack_e4m3(y), pack_e4m3(y + 4)};
  }
}

__device__ void unpack_e4m3(uint32_t packed, float* to) {
#pragma unroll
  for (int pair = 0; pair < 2; ++pair) {
    const auto two = static_cast<__nv_fp8x2_storage_t>(packed >> 16 * pair);
    const float2 x = __half22float2(__half2(__nv_cvt_fp8x2_to_halfraw2(two, __NV_E4M3)));
    to[2 * pair] = x.x;
    to[2 * pair + 1] = x.y;
  }
}

// Blocks (channels, chunks, B).
template <class T>
__global__ void __launch_bounds__(kWarp* kRows) output_kernel(const Fp8AttentionOutputParams p, int64_t chunk) {
  const int width = p.N * p.head_dim, column = (blockIdx.x * kWarp + threadIdx.x) * kVector;
  if (column >= width) return;
  const float scale = 2 * p.scalars->inverse_v.value;
  Vector mean;
  load(p.mean + static_cast<int64_t>(blockIdx.z) * width + column, mean);
  const int64_t first = static_cast<int64_t>(blockIdx.z) * p.L * width + column;
  const auto* values = static_cast<const __nv_fp8_storage_t*>(p.values) + first;
  T* o = static_cast<T*>(p.o) + first;
  const int64_t begin = blockIdx.y * chunk, end = begin + chunk < p.L ? begin + chunk : p.L;
#pragma unroll 4
  for (int64_t token = begin + threadIdx.y; token < end; token += kRows) {
    const uint2 packed = __ldg(reinterpret_cast<const uint2*>(values + token * width));
    Vector y;
    unpack_e4m3(packed.x, y);
    unpack_e4m3(packed.y, y + 4);
#pragma unroll
    for (int i = 0; i < kVector; ++i) y[i] = fmaf(y[i], scale, mean[i]);
    store(o + token * width, y);
  }
}

unsigned column_blocks(int width) { return static_cast<unsigned>(ceil_div(width, kWarp * kVector)); }

template <class T>
int quantize(const Fp8AttentionParams& p, cudaStream_t stream) {
  const Division d = division(p);
  const Workspace w = workspace(p, d);
  if (const cudaError_t error = cudaMemsetAsync(w.largest, 0, 3 * sizeof(unsigned), stream)) return error;
  const auto operands = static_cast<unsigned>(3 * p.B);
  const dim3 grid(column_blocks(d.width), d.chunks, operands), block(kWarp, kRows);
  statistics_kernel<T><<<grid, block, 0, stream>>>(p, w);
  finalize_kernel<<<dim3(static_cast<unsigned>(ceil_div(d.width, kFinalizeThreads)), operands), kFinalizeThreads, 0,
                    stream>>>(p, w);
  quantize_operands_kernel<T><<<grid, block, 0, stream>>>(p, w);
  return cudaGetLastError();
}

template <class T>
int output(const Fp8AttentionOutputParams& p, cudaStream_t stream) {
  const int64_t chunks = std::min<int64_t>(kMostChunks, ceil_div(p.L, kTokensPerChunk));
  const dim3 grid(column_blocks(p.N * p.head_dim), static_cast<unsigned>(chunks), p.B), block(kWarp, kRows);
  output_kernel<T><<<grid, block, 0, stream>>>(p, ceil_div(p.L, chunks));
  return cudaGetLastError();
}

}  // namespace

size_t fp8_attention_workspace(const Fp8AttentionParams& params) {
  return partial_floats(params, division(params)) * sizeof(float) + 3 * sizeof(unsigned);
}

int launch_fp8_attention_quantize(const Fp8AttentionParams& params, void* stream) {
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return params.dtype == KernelDtype::kFloat ? quantize<float>(params, cuda_stream)
                                             : quantize<__nv_bfloat16>(params, cuda_stream);
}

int launch_fp8_attention_output(const Fp8AttentionOutputParams& params, void* stream) {
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return params.dtype == KernelDtype::kFloat ? output<float>(params, cuda_stream)
                                             : output<__nv_bfloat16>(params, cuda_stream);
}

}  // namespace lintorch::ops
