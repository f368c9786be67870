#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <tuple>

#include "lintorch/ops/cuda/strided_heads.h"
#include "lintorch/ops/hedgehog_attention_composed.h"

namespace lintorch::ops {

namespace {

using Result = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

Result attention_forward(const at::Tensor& q_in, const at::Tensor& k_in, const at::Tensor& v_in,
                         const at::Tensor& w_q_in, const at::Tensor& w_k_in) {
  const int64_t B = q_in.size(0), L = q_in.size(1), N = q_in.size(2), V = v_in.size(3), M = w_q_in.size(2);
  const c10::cuda::CUDAGuard guard(q_in.device());
  const cudaDeviceProp* device = at::cuda::getCurrentDeviceProperties();
  if (device->major != 9) {  // wgmma is of sm_90a alone
    HedgehogState state;
    const at::Tensor o = hedgehog_attention_composed(q_in, k_in, v_in, w_q_in, w_k_in, state);
    return {o, state.s_XEV, state.z_XE, state.v_mean_X1V};
  }
  const at::Tensor q = readable(q_in), k = readable(k_in), v = readable(v_in);
  const at::Tensor w_q = contiguous_aligned(w_q_in), w_k = contiguous_aligned(w_k_in);
  const at::Tensor o = at::empty({B, L, N, V}, v.options());
  const at::Tensor s = at::empty({N * B, 2 * M, V}, v.options());
  const at::Tensor z = at::empty({N * B, 2 * M}, v.options().dtype(at::kFloat));
  const at::Tensor v_mean = at::empty({N * B, 1, V}, v.options().dtype(at::kFloat));
  const auto size = [](int64_t value) { return static_cast<int32_t>(value); };
  HedgehogAttentionParams params{.q = strided_heads(q),
                                 .k = strided_heads(k),
                                 .v = strided_heads(v),
                                 .o = strided_heads(o),
                                 .w_q_NKM = w_q.const_data_ptr(),
                                 .w_k_NKM = w_k.const_data_ptr(),
                                 .s_XEV = s.mutable_data_ptr(),
                                 .z_XE = z.mutable_data_ptr<float>(),
                                 .v_mean_XV = v_mean.mutable_data_ptr<float>(),
                                 .workspace = nullptr,
                                 .B = size(B),
                                 .L = size(L),
                                 .N = size(N),
                                 .head_dim = size(V),
                                 .feature_dim = size(M),
                                 .num_sms = device->multiProcessorCount};
  const at::Tensor workspace =
      at::empty({static_cast<int64_t>(hedgehog_attention_workspace(params))}, v.options().dtype(at::kByte));
  params.workspace = workspace.mutable_data_ptr();
  check_launch(launch_hedgehog_attention(params, current_stream(v)), "hedgehog_attention");
  return {o, s, z, v_mean};
}

}  // namespace

TORCH_LIBRARY_IMPL(lintorch, CUDA, m) { m.impl("hedgehog_attention_forward", attention_forward); }

}  // namespace lintorch::ops
