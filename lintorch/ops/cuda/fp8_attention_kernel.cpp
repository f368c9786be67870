#include <ATen/core/Tensor.h>
#include <ATen/cudnn/Handle.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "lintorch/ops/cuda/fp8_attention_params.h"
#include "lintorch/ops/cuda/fp8_attention_plan.h"
#include "lintorch/ops/cuda/strided_heads.h"

namespace lintorch::ops {

namespace {

int32_t int32(int64_t value) { return static_cast<int32_t>(value); }

Fp8AttentionOperand operand(const at::Tensor& x_BSNK, const at::Tensor& values, const at::Tensor& mean) {
  const StridedHeads heads = strided_heads(x_BSNK);
  return {.x = heads.data,
          .stride_B = heads.stride_B,
          .stride_tokens = heads.stride_L,
          .stride_N = heads.stride_N,
          .tokens = x_BSNK.size(1),
          .head_dim = int32(x_BSNK.size(3)),
          .values = values.mutable_data_ptr(),
          .mean = mean.defined() ? mean.mutable_data_ptr<float>() : nullptr};
}

at::Tensor fp8_attention(const at::Tensor& q_in, const at::Tensor& k_in, const at::Tensor& v_in) {
  const int64_t B = q_in.size(0), L = q_in.size(1), N = q_in.size(2), K = q_in.size(3), S = v_in.size(1),
                V = v_in.size(3);
  const c10::cuda::CUDAGuard guard(q_in.device());
  // Before the plan: cuDNN's frontend would name a rule of its own, and the kernels below take no other.
  LT_CHECK(fp8_attention_head_dim_supported(K) && fp8_attention_head_dim_supported(V), NotSupportedError,
           "[fp8_attention] expected head dims that are multiples of 16, got {} and {}; switch fp8_attention off", K,
           V);
  LT_CHECK(B <= 21845, NotSupportedError, "[fp8_attention] expected at most 21845 samples, got {}", B);
  const auto handle = at::native::getCudnnHandle();  // of this thread and device, on the current stream
  const Fp8AttentionPlan& plan = fp8_attention_plan(handle, {q_in.device().index(), B, N, L, S, K, V});

  const at::Tensor q = readable(q_in), k = readable(k_in), v = readable(v_in);
  const auto bytes = [&](int64_t count) { return at::empty({count}, q.options().dtype(at::kByte)); };
  const auto e4m3 = [&](const at::Tensor& x) { return at::empty(x.sizes(), x.options().dtype(at::kFloat8_e4m3fn)); };
  const at::Tensor q8 = e4m3(q), k8 = e4m3(k), v8 = e4m3(v);
  const at::Tensor k_mean = at::empty({B, N, K}, q.options().dtype(at::kFloat));
  const at::Tensor v_mean = at::empty({B, N, V}, q.options().dtype(at::kFloat));
  const at::Tensor scalars_bytes = bytes(sizeof(Fp8AttentionScalars));
  auto* scalars = static_cast<Fp8AttentionScalars*>(scalars_bytes.mutable_data_ptr());
  const KernelDtype dtype = kernel_dtype(v.scalar_type(), "fp8_attention");
  Fp8AttentionParams params{.operand = {operand(q, q8, {}), operand(k, k8, k_mean), operand(v, v8, v_mean)},
                            .B = int32(B),
                            .N = int32(N),
                            .dtype = dtype,
                            .scalars = scalars,
                            .workspace = nullptr};
  const at::Tensor sums = bytes(static_cast<int64_t>(fp8_attention_workspace(params)));
  params.workspace = sums.mutable_data_ptr();
  check_launch(launch_fp8_attention_quantize(params, current_stream(q)), "fp8_attention");

  const at::Tensor o8 = at::empty({B, L, N, V}, q8.options());
  const at::Tensor workspace = bytes(plan.workspace_bytes());
  plan.run(handle, {q8.const_data_ptr(), k8.const_data_ptr(), v8.const_data_ptr(), o8.mutable_data_ptr(), scalars,
                    workspace.mutable_data_ptr()});

  const at::Tensor o = at::empty({B, L, N, V}, v.options());
  check_launch(launch_fp8_attention_output({.values = o8.const_data_ptr(),
                                            .mean = v_mean.const_data_ptr<float>(),
                                            .scalars = scalars,
                                            .o = o.mutable_data_ptr(),
                                            .L = L,
                                            .B = int32(B),
                                            .N = int32(N),
                                            .head_dim = int32(V),
                                            .dtype = dtype},
                                           current_stream(q)),
               "fp8_attention");
  return o;
}

}  // namespace

TORCH_LIBRARY_IMPL(lintorch, CUDA, m) { m.impl("fp8_attention", fp8_attention); }

}  // namespace lintorch::ops
