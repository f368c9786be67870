#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <array>
#include <tuple>

#include "lintorch/ops/bmm_accumulate.h"
#include "lintorch/ops/cuda/strided_heads.h"

namespace lintorch::ops {

namespace {

using Gradients = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

// [B, L, N, K] as [N, B*L, K], without a copy if x is contiguous.
at::Tensor by_head(const at::Tensor& x_BLNK) { return x_BLNK.flatten(0, 1).transpose(0, 1); }

at::Tensor map_gradient(const at::Tensor& x_BLNK, const at::Tensor& grad_y_BLNM) {
  return bmm_accumulate(by_head(x_BLNK).transpose(1, 2), by_head(grad_y_BLNM)).to(x_BLNK.scalar_type());
}

Gradients attention_backward(const at::Tensor& grad_o_in, const at::Tensor& q_in, const at::Tensor& k_in,
                             const at::Tensor& v_in, const at::Tensor& w_q_in, const at::Tensor& w_k_in,
                             const at::Tensor& s_XEV, const at::Tensor& z_XE, const at::Tensor& v_mean_X1V,
                             std::array<bool, 5> needed) {
  const int64_t B = q_in.size(0), L = q_in.size(1), N = q_in.size(2), K = q_in.size(3), M = w_q_in.size(2);
  const c10::cuda::CUDAGuard guard(q_in.device());
  const at::Tensor q = readable(q_in), k = readable(k_in), v = readable(v_in), grad_o = readable(grad_o_in);
  const at::Tensor w_q = contiguous_aligned(w_q_in), w_k = contiguous_aligned(w_k_in);
  const auto [need_q, need_k, need_v, need_w_q, need_w_k] = needed;
  const auto output = [&](bool wanted, int64_t channels) {
    return wanted ? at::empty({B, L, N, channels}, q.options()) : at::Tensor();
  };
  const at::Tensor grad_q = output(need_q, K), grad_k = output(need_k, K), grad_v = output(need_v, K);
  const at::Tensor grad_y_q = output(need_w_q, M), grad_y_k = output(need_w_k, M);
  const auto size = [](int64_t value) { return static_cast<int32_t>(value); };
  HedgehogAttentionBackwardParams params{.q = strided_heads(q),
                                         .k = strided_heads(k),
                                         .v = strided_heads(v),
                                         .grad_o = strided_heads(grad_o),
                                         .grad_q = strided_heads(grad_q),
                                         .grad_k = strided_heads(grad_k),
                                         .grad_v = strided_heads(grad_v),
                                         .grad_y_q = strided_heads(grad_y_q),
                                         .grad_y_k = strided_heads(grad_y_k),
                                         .w_q_NKM = w_q.const_data_ptr(),
                                         .w_k_NKM = w_k.const_data_ptr(),
                                         .s_XEV = s_XEV.const_data_ptr(),
                                         .z_XE = z_XE.const_data_ptr<float>(),
                                         .v_mean_XV = v_mean_X1V.const_data_ptr<float>(),
                                         .workspace = nullptr,
                                         .B = size(B),
                                         .L = size(L),
                                         .N = size(N),
                                         .head_dim = size(K),
                                         .feature_dim = size(M),
                                         .num_sms = at::cuda::getCurrentDeviceProperties()->multiProcessorCount};
  const at::Tensor workspace =
      at::empty({static_cast<int64_t>(hedgehog_attention_backward_workspace(params))}, q.options().dtype(at::kByte));
  params.workspace = workspace.mutable_data_ptr();
  check_launch(launch_hedgehog_attention_backward(params, current_stream(q)), "hedgehog_attention_backward");
  return {grad_q, grad_k, grad_v, need_w_q ? map_gradient(q, grad_y_q) : at::Tensor(),
          need_w_k ? map_gradient(k, grad_y_k) : at::Tensor()};
}

}  // namespace

TORCH_LIBRARY_IMPL(lintorch, CUDA, m) { m.impl("hedgehog_attention_backward", attention_backward); }

}  // namespace lintorch::ops
