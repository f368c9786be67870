// x' = x + update gate, h = LN(x') scale + shift: each row read once and kept in registers, fp32 arithmetic. The
// backward adds the gradients of both outputs and leaves partial sums over the tokens of a block for the parameters.

#include "lintorch/ops/cuda/residual_layer_norm_params.h"
#include "lintorch/ops/cuda/row_kernels.cuh"

namespace lintorch::ops {

namespace {

using namespace rows;

template <typename X, typename Io, bool kUpdate, bool kNorm, int kVectors>
__global__ void __launch_bounds__(max_threads(kVectors), 1)
    forward_kernel(const ResidualLayerNormParams p, const RowSplit split) {
  extern __shared__ float4 shared[];
  RowSum<1> row_sum(reinterpret_cast<float*>(shared));
  const TokenRange range(split, p.tokens);
  const float per_width = 1.0f / static_cast<float>(p.width);

  Vector gate[kVectors], scale[kVectors], shift[kVectors];
  int column[kVectors];
  bool inside[kVectors];
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    column[v] = (v * blockDim.x + threadIdx.x) * kVector;
    inside[v] = column[v] < p.width;
    if (kUpdate && p.gate && inside[v])
      load(p.gate + range.batch * p.gate_stride + column[v], gate[v]);
    else
      fill(gate[v], 1);
    if (kNorm && inside[v]) {
      load(p.scale + range.batch * p.scale_stride + column[v], scale[v]);
      load(p.shift + range.batch * p.shift_stride + column[v], shift[v]);
    }
  }

  for (int64_t first = range.begin; first < range.end; first += blockDim.y) {
    const int64_t token = first + threadIdx.y;
    const int64_t row = range.batch * p.tokens + token;
    const bool active = token < range.end;
    Vector x[kVectors];
    float sum[1] = {0};
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      fill(x[v], 0);
      if (!active || !inside[v]) continue;
      const int64_t at = row * p.width + column[v];
      load(static_cast<const X*>(p.x) + at, x[v]);
      if constexpr (kUpdate) {
        Vector update;
        load(static_cast<const Io*>(p.update) + at, update);
#pragma unroll
        for (int i = 0; i < kVector; ++i) x[v][i] = rounded(fmaf(update[i], gate[v][i], x[v][i]), X{});
        store(static_cast<X*>(p.x_out) + at, x[v]);
      }
#pragma unroll
      for (int i = 0; i < kVector; ++i) sum[0] += x[v][i];
    }
    if constexpr (kNorm) {
      row_sum(sum);
      const float mean = sum[0] * per_width;
      sum[0] = 0;
#pragma unroll
      for (int v = 0; v < kVectors; ++v)
        if (inside[v])
#pragma unroll
          for (int i = 0; i < kVector; ++i) {
            x[v][i] -= mean;
            sum[0] = fmaf(x[v][i], x[v][i], sum[0]);
          }
      row_sum(sum);
      const float r = rsqrtf(sum[0] * per_width + p.eps);
      if (!active) continue;
#pragma unroll
      for (int v = 0; v < kVectors; ++v) {
        if (!inside[v]) continue;
#pragma unroll
        for (int i = 0; i < kVector; ++i) x[v][i] = fmaf(x[v][i] * r, scale[v][i], shift[v][i]);
        store(static_cast<Io*>(p.h) + row * p.width + column[v], x[v]);
      }
      if (p.statistics && threadIdx.x == 0) {
        p.statistics[2 * row] = mean;
        p.statistics[2 * row + 1] = r;
      }
    }
  }
}

template <typename X, typename Io, bool kUpdate, bool kNorm, int kVectors>
__global__ void __launch_bounds__(max_threads(kVectors), 1)
    backward_kernel(const ResidualLayerNormBackwardParams p, const RowSplit split) {
  extern __shared__ float4 shared[];
  float* scratch = reinterpret_cast<float*>(shared);
  RowSum<2> row_sum(scratch);
  const TokenRange range(split, p.tokens);
  const float per_width = 1.0f / static_cast<float>(p.width);

  Vector gate[kVectors], scale[kVectors], d_gate[kVectors], d_scale[kVectors], d_shift[kVectors];
  int column[kVectors];
  bool inside[kVectors];
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    column[v] = (v * blockDim.x + threadIdx.x) * kVector;
    inside[v] = column[v] < p.width;
    if (kUpdate && p.gate && inside[v])
      load(p.gate + range.batch * p.gate_stride + column[v], gate[v]);
    else
      fill(gate[v], 1);
    fill(scale[v], 0);
    if (kNorm && inside[v]) load(p.scale + range.batch * p.scale_stride + column[v], scale[v]);
    fill(d_gate[v], 0);
    fill(d_scale[v], 0);
    fill(d_shift[v], 0);
  }

  for (int64_t first = range.begin; first < range.end; first += blockDim.y) {
    const int64_t token = first + threadIdx.y;
    const int64_t row = range.batch * p.tokens + token;
    const bool active = token < range.end;
    Vector d_x[kVectors], d_h[kVectors], n[kVectors], update[kVectors];
    float mean = 0, r = 0;
    if (kNorm && active) {
      mean = p.statistics[2 * row];
      r = p.statistics[2 * row + 1];
    }
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      fill(d_x[v], 0);
      fill(d_h[v], 0);
      fill(n[v], 0);
      fill(update[v], 0);
      if (!active || !inside[v]) continue;
      const int64_t at = row * p.width + column[v];
      if (p.d_x_out) load(static_cast<const X*>(p.d_x_out) + at, d_x[v]);
      if constexpr (kNorm) {
        load(static_cast<const X*>(p.x_out) + at, n[v]);
        load(static_cast<const Io*>(p.d_h) + at, d_h[v]);
      }
      if (kUpdate && p.d_gate_partial) load(static_cast<const Io*>(p.update) + at, update[v]);
    }
    if constexpr (kNorm) {
      float sums[2] = {0, 0};  // of g = d_h scale and of g n
#pragma unroll
      for (int v = 0; v < kVectors; ++v)
        if (active && inside[v])
#pragma unroll
          for (int i = 0; i < kVector; ++i) {
            n[v][i] = (n[v][i] - mean) * r;
            const float g = d_h[v][i] * scale[v][i];
            sums[0] += g;
            sums[1] = fmaf(g, n[v][i], sums[1]);
            d_shift[v][i] += d_h[v][i];
            d_scale[v][i] = fmaf(d_h[v][i], n[v][i], d_scale[v][i]);
          }
      row_sum(sums);
      sums[0] *= per_width;
      sums[1] *= per_width;
#pragma unroll
      for (int v = 0; v < kVectors; ++v) {
        if (!active || !inside[v]) continue;
#pragma unroll
        for (int i = 0; i < kVector; ++i)
          d_x[v][i] = fmaf(r, d_h[v][i] * scale[v][i] - sums[0] - n[v][i] * sums[1], d_x[v][i]);
        store(static_cast<X*>(p.d_x) + row * p.width + column[v], d_x[v]);
      }
    }
    if constexpr (kUpdate) {
#pragma unroll
      for (int v = 0; v < kVectors; ++v) {
        if (!active || !inside[v]) continue;
#pragma unroll
        for (int i = 0; i < kVector; ++i) {
          d_gate[v][i] = fmaf(d_x[v][i], update[v][i], d_gate[v][i]);
          d_x[v][i] *= gate[v][i];
        }
        if (p.d_update) store(static_cast<Io*>(p.d_update) + row * p.width + column[v], d_x[v]);
      }
    }
  }

#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int64_t at = static_cast<int64_t>(blockIdx.x) * p.width + column[v];
    if (kUpdate && p.d_gate_partial) store_column_sum(d_gate[v], p.d_gate_partial + at, inside[v], scratch);
    if (kNorm && p.d_scale_partial) {
      store_column_sum(d_scale[v], p.d_scale_partial + at, inside[v], scratch);
      store_column_sum(d_shift[v], p.d_shift_partial + at, inside[v], scratch);
    }
  }
}

/// Calls launch<X, Io, kUpdate, kNorm, kVectors>(). A norm, an update, or both; Io is X, or bf16 beside an fp32 X.
template <class Launch>
int dispatch(KernelDtype x, KernelDtype io, bool update, bool norm, int vectors, Launch launch) {
  const auto with_types = [&](auto x_element, auto io_element) -> int {
    using X = decltype(x_element);
    using Io = decltype(io_element);
    const auto with_vectors = [&]<int kVectors>() {
      if (update && norm)
        launch.template operator()<X, Io, true, true, kVectors>();
      else if (update)
        launch.template operator()<X, Io, true, false, kVectors>();
      else
        launch.template operator()<X, Io, false, true, kVectors>();
    };
    if (vectors == 1)
      with_vectors.template operator()<1>();
    else
      with_vectors.template operator()<2>();
    return static_cast<int>(cudaGetLastError());
  };
  if (x == KernelDtype::kBfloat16) {
    if (io != KernelDtype::kBfloat16) return static_cast<int>(cudaErrorInvalidValue);
    return with_types(__nv_bfloat16{}, __nv_bfloat16{});
  }
  return io == KernelDtype::kBfloat16 ? with_types(float{}, __nv_bfloat16{}) : with_types(float{}, float{});
}

}  // namespace

int launch_residual_layer_norm(const ResidualLayerNormParams& params, void* stream) {
  const bool update = params.update, norm = params.scale;
  if (!row_kernels_support(params.width) || (!update && !norm)) return static_cast<int>(cudaErrorInvalidValue);
  const RowSplit split = RowSplit::make(params.batches, params.tokens, params.width, kForwardBlocks);
  const dim3 block(split.threads, split.rows);
  const unsigned grid = static_cast<unsigned>(params.batches * split.blocks_per_batch);
  const size_t shared = row_sum_floats(split, 1) * sizeof(float);
  return dispatch(params.x_dtype, params.io_dtype, update, norm, split.vectors,
                  [&]<typename X, typename Io, bool kUpdate, bool kNorm, int kVectors>() {
                    forward_kernel<X, Io, kUpdate, kNorm, kVectors>
                        <<<grid, block, shared, static_cast<cudaStream_t>(stream)>>>(params, split);
                  });
}

int launch_residual_layer_norm_backward(const ResidualLayerNormBackwardParams& params, void* stream) {
  const bool update = params.d_update || params.d_gate_partial, norm = params.d_h;
  if (!row_kernels_support(params.width) || (!update && !norm)) return static_cast<int>(cudaErrorInvalidValue);
  const RowSplit split = RowSplit::make(params.batches, params.tokens, params.width, kBackwardBlocks);
  const dim3 block(split.threads, split.rows);
  const unsigned grid = static_cast<unsigned>(params.batches * split.blocks_per_batch);
  const size_t shared = std::max(row_sum_floats(split, 2), column_sum_floats(split)) * sizeof(float);
  return dispatch(params.x_dtype, params.io_dtype, update, norm, split.vectors,
                  [&]<typename X, typename Io, bool kUpdate, bool kNorm, int kVectors>() {
                    backward_kernel<X, Io, kUpdate, kNorm, kVectors>
                        <<<grid, block, shared, static_cast<cudaStream_t>(stream)>>>(params, split);
                  });
}

}  // namespace lintorch::ops
