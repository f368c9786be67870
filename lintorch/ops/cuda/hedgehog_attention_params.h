#pragma once

#include <cstddef>
#include <cstdint>

namespace lintorch::ops {

/// A bf16 tensor [B, L, N, head_dim] whose last dimension is contiguous; strides in elements, multiples of 8.
struct StridedHeads {
  void* data;
  int64_t stride_B, stride_L, stride_N;
};

/// Bidirectional Hedgehog attention, forward; see ops/hedgehog_attention_composed.h for the formula. bf16, head_dim
/// (of q, k and v) and feature_dim 64 or 128, E = 2 feature_dim, X = N * B with heads outermost. Everything 16-byte aligned.
struct HedgehogAttentionParams {
  StridedHeads q, k, v, o;
  const void* w_q_NKM;  ///< contiguous
  const void* w_k_NKM;
  void* s_XEV;       ///< out, bf16: centred state
  float* z_XE;       ///< out
  float* v_mean_XV;  ///< out
  void* workspace;   ///< hedgehog_attention_workspace bytes
  int32_t B, L, N, head_dim, feature_dim;
  int32_t num_sms;
};

/// Whether the kernels take this head dim (of q, k and v) and feature dim.
constexpr bool hedgehog_attention_supported(int64_t head_dim, int64_t feature_dim) {
  return (head_dim == 64 || head_dim == 128) && (feature_dim == 64 || feature_dim == 128);
}

/// Bytes of workspace for the sums of each thread block; of the params only sizes are read.
size_t hedgehog_attention_workspace(const HedgehogAttentionParams& params);

/// Launches on a CUDA stream (cudaStream_t as void*). Returns the CUDA error code, 0 = launched.
int launch_hedgehog_attention(const HedgehogAttentionParams& params, void* stream);

/// Its backward; see hedgehog_attention_composed_backward. Sizes and alignment as above.
struct HedgehogAttentionBackwardParams {
  StridedHeads q, k, v, grad_o;
  StridedHeads grad_q, grad_k, grad_v;  ///< out; null data: not wanted
  StridedHeads grad_y_q, grad_y_k;  ///< out, [B, L, N, feature_dim]: gradients of q W~_q and k W~_k; null: not wanted
  const void* w_q_NKM;
  const void* w_k_NKM;
  const void* s_XEV;  ///< what the forward wrote
  const float* z_XE;
  const float* v_mean_XV;
  void* workspace;  ///< hedgehog_attention_backward_workspace bytes
  int32_t B, L, N, head_dim, feature_dim;
  int32_t num_sms;
};

size_t hedgehog_attention_backward_workspace(const HedgehogAttentionBackwardParams& params);
int launch_hedgehog_attention_backward(const HedgehogAttentionBackwardParams& params, void* stream);

}  // namespace lintorch::ops
