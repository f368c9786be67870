// RMSNorm over the full width, then the rotation of adjacent channel pairs in each head: one read, one write.

#include "lintorch/ops/cuda/rms_norm_rope_params.h"
#include "lintorch/ops/cuda/row_kernels.cuh"

namespace lintorch::ops {

namespace {

using namespace rows;

/// Pairs (2i, 2i+1) of x times cos + i sin of the table, or its conjugate.
template <bool kInverse>
__device__ void rotate(Vector& x, const Vector& table) {
#pragma unroll
  for (int i = 0; i < kVector; i += 2) {
    const float a = x[i], b = x[i + 1], c = table[i], s = kInverse ? -table[i + 1] : table[i + 1];
    x[i] = a * c - b * s;
    x[i + 1] = a * s + b * c;
  }
}

template <typename T, bool kRope, int kVectors>
__global__ void __launch_bounds__(max_threads(kVectors), 1)
    forward_kernel(const RmsNormRopeParams p, const RowSplit split) {
  extern __shared__ float4 shared[];
  RowSum<1> row_sum(reinterpret_cast<float*>(shared));
  const TokenRange range(split, p.tokens);
  const float per_width = 1.0f / static_cast<float>(p.width);

  Vector weight[kVectors];
  int column[kVectors], in_head[kVectors];
  bool inside[kVectors];
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    column[v] = (v * blockDim.x + threadIdx.x) * kVector;
    inside[v] = column[v] < p.width;
    in_head[v] = kRope ? column[v] % p.head_dim : 0;
    if (inside[v]) load(p.weight + column[v], weight[v]);
  }

  for (int64_t first = range.begin; first < range.end; first += blockDim.y) {
    const int64_t token = first + threadIdx.y;
    const int64_t row = range.batch * p.tokens + token;
    const bool active = token < range.end;
    const T* x_row = static_cast<const T*>(p.x) + range.batch * p.x_batch_stride + token * p.x_token_stride;
    Vector x[kVectors], table[kVectors];
    float sum[1] = {0};
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      fill(x[v], 0);
      if (!active || !inside[v]) continue;
      load(x_row + column[v], x[v]);
      if constexpr (kRope) load(p.table + token * p.head_dim + in_head[v], table[v]);
#pragma unroll
      for (int i = 0; i < kVector; ++i) sum[0] = fmaf(x[v][i], x[v][i], sum[0]);
    }
    row_sum(sum);
    const float r = rsqrtf(sum[0] * per_width + p.eps);
    if (!active) continue;
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      if (!inside[v]) continue;
#pragma unroll
      for (int i = 0; i < kVector; ++i) x[v][i] *= r * weight[v][i];
      if constexpr (kRope) rotate<false>(x[v], table[v]);
      store(static_cast<T*>(p.y) + row * p.width + column[v], x[v]);
    }
    if (p.r && threadIdx.x == 0) p.r[row] = r;
  }
}

template <typename T, bool kRope, int kVectors>
__global__ void __launch_bounds__(max_threads(kVectors), 1)
    backward_kernel(const RmsNormRopeBackwardParams p, const RowSplit split) {
  extern __shared__ float4 shared[];
  float* scratch = reinterpret_cast<float*>(shared);
  RowSum<1> row_sum(scratch);
  const TokenRange range(split, p.tokens);
  const float per_width = 1.0f / static_cast<float>(p.width);

  Vector weight[kVectors], d_weight[kVectors];
  int column[kVectors], in_head[kVectors];
  bool inside[kVectors];
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    column[v] = (v * blockDim.x + threadIdx.x) * kVector;
    inside[v] = column[v] < p.width;
    in_head[v] = kRope ? column[v] % p.head_dim : 0;
    if (inside[v]) load(p.weight + column[v], weight[v]);
    fill(d_weight[v], 0);
  }

  for (int64_t first = range.begin; first < range.end; first += blockDim.y) {
    const int64_t token = first + threadIdx.y;
    const int64_t row = range.batch * p.tokens + token;
    const bool active = token < range.end;
    const T* x_row = static_cast<const T*>(p.x) + range.batch * p.x_batch_stride + token * p.x_token_stride;
    const float r = active ? p.r[row] : 0;
    Vector x[kVectors], g[kVectors];
    float sum[1] = {0};  // of g x
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      if (!active || !inside[v]) continue;
      load(x_row + column[v], x[v]);
      load(static_cast<const T*>(p.d_y) + row * p.width + column[v], g[v]);
      if constexpr (kRope) {
        Vector table;
        load(p.table + token * p.head_dim + in_head[v], table);
        rotate<true>(g[v], table);
      }
#pragma unroll
      for (int i = 0; i < kVector; ++i) {
        d_weight[v][i] = fmaf(g[v][i], x[v][i] * r, d_weight[v][i]);
        g[v][i] *= weight[v][i];
        sum[0] = fmaf(g[v][i], x[v][i], sum[0]);
      }
    }
    row_sum(sum);
    if (!active) continue;
    const float pull = sum[0] * per_width * r * r;
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      if (!inside[v]) continue;
#pragma unroll
      for (int i = 0; i < kVector; ++i) g[v][i] = r * (g[v][i] - x[v][i] * pull);
      store(static_cast<T*>(p.d_x) + row * p.width + column[v], g[v]);
    }
  }

  if (!p.d_weight_partial) return;
#pragma unroll
  for (int v = 0; v < kVectors; ++v)
    store_column_sum(d_weight[v], p.d_weight_partial + static_cast<int64_t>(blockIdx.x) * p.width + column[v],
                     inside[v], scratch);
}

/// Calls launch<T, kRope, kVectors>().
template <class Launch>
int dispatch(KernelDtype dtype, bool rope, int vectors, Launch launch) {
  const auto with_type = [&](auto element) {
    using T = decltype(element);
    if (rope && vectors == 1)
      launch.template operator()<T, true, 1>();
    else if (rope)
      launch.template operator()<T, true, 2>();
    else if (vectors == 1)
      launch.template operator()<T, false, 1>();
    else
      launch.template operator()<T, false, 2>();
  };
  if (dtype == KernelDtype::kFloat)
    with_type(float{});
  else
    with_type(__nv_bfloat16{});
  return static_cast<int>(cudaGetLastError());
}

template <class Params>
bool supported(const Params& p) {
  return row_kernels_support(p.width) && (!p.table || (p.head_dim % kVector == 0 && p.width % p.head_dim == 0)) &&
         p.x_batch_stride % kVector == 0 && p.x_token_stride % kVector == 0;
}

}  // namespace

int launch_rms_norm_rope(const RmsNormRopeParams& params, void* stream) {
  if (!supported(params)) return static_cast<int>(cudaErrorInvalidValue);
  const RowSplit split = RowSplit::make(params.batches, params.tokens, params.width, kForwardBlocks);
  const dim3 block(split.threads, split.rows);
  const unsigned grid = static_cast<unsigned>(params.batches * split.blocks_per_batch);
  const size_t shared = row_sum_floats(split, 1) * sizeof(float);
  return dispatch(params.dtype, params.table, split.vectors, [&]<typename T, bool kRope, int kVectors>() {
    forward_kernel<T, kRope, kVectors><<<grid, block, shared, static_cast<cudaStream_t>(stream)>>>(params, split);
  });
}

int launch_rms_norm_rope_backward(const RmsNormRopeBackwardParams& params, void* stream) {
  if (!supported(params)) return static_cast<int>(cudaErrorInvalidValue);
  const RowSplit split = RowSplit::make(params.batches, params.tokens, params.width, kBackwardBlocks);
  const dim3 block(split.threads, split.rows);
  const unsigned grid = static_cast<unsigned>(params.batches * split.blocks_per_batch);
  const size_t shared = std::max(row_sum_floats(split, 1), column_sum_floats(split)) * sizeof(float);
  return dispatch(params.dtype, params.table, split.vectors, [&]<typename T, bool kRope, int kVectors>() {
    backward_kernel<T, kRope, kVectors><<<grid, block, shared, static_cast<cudaStream_t>(stream)>>>(params, split);
  });
}

}  // namespace lintorch::ops
