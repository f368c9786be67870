#include <ATen/ops/empty.h>
#include <ATen/ops/view_as_real.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <optional>
#include <tuple>

#include "lintorch/ops/cuda/launch.h"
#include "lintorch/ops/cuda/rms_norm_rope_params.h"

namespace lintorch::ops {
namespace {

// Rows as they lie, if the kernel can read them there.
at::Tensor strided_rows(const at::Tensor& x) {
  const bool fits = x.stride(2) == 1 && x.stride(1) % 8 == 0 && x.stride(0) % 8 == 0 && is_aligned(x);
  return fits ? x : contiguous_aligned(x);
}

/// The rotations (not their inverses) as pairs of floats, [L, K/2, 2]; undefined without a table.
at::Tensor rotations(const std::optional<at::Tensor>& table_2L1P) {
  return table_2L1P ? contiguous_aligned(at::view_as_real(table_2L1P->select(0, 0).squeeze(1))) : at::Tensor();
}

const float* table_pointer(const at::Tensor& table) {
  return table.defined() ? table.const_data_ptr<float>() : nullptr;
}

int32_t head_dim(const at::Tensor& table) { return table.defined() ? static_cast<int32_t>(2 * table.size(1)) : 0; }

std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& x_in, const at::Tensor& weight_in,
                                           const std::optional<at::Tensor>& table_in, double eps,
                                           bool keep_statistics) {
  const c10::cuda::CUDAGuard guard(x_in.device());
  const at::Tensor x = strided_rows(x_in), weight = contiguous_aligned(weight_in), table = rotations(table_in);
  const int64_t B = x.size(0), L = x.size(1), D = x.size(2);
  const at::Tensor y = at::empty({B, L, D}, x.options());
  const at::Tensor r = keep_statistics ? at::empty({B, L}, x.options().dtype(at::kFloat)) : at::Tensor();
  const RmsNormRopeParams params = {.x = x.const_data_ptr(),
                                    .weight = weight.const_data_ptr<float>(),
                                    .table = table_pointer(table),
                                    .y = y.mutable_data_ptr(),
                                    .r = keep_statistics ? r.mutable_data_ptr<float>() : nullptr,
                                    .x_batch_stride = x.stride(0),
                                    .x_token_stride = x.stride(1),
                                    .batches = B,
                                    .tokens = L,
                                    .width = static_cast<int32_t>(D),
                                    .head_dim = head_dim(table),
                                    .eps = static_cast<float>(eps),
                                    .dtype = kernel_dtype(x.scalar_type(), "rms_norm_rope")};
  check_launch(launch_rms_norm_rope(params, current_stream(x)), "rms_norm_rope");
  return {y, r};
}

std::tuple<at::Tensor, at::Tensor> backward(const at::Tensor& d_y_in, const at::Tensor& x_in,
                                            const at::Tensor& weight_in, const std::optional<at::Tensor>& table_in,
                                            const at::Tensor& r_in, bool want_weight) {
  const c10::cuda::CUDAGuard guard(x_in.device());
  const at::Tensor d_y = contiguous_aligned(d_y_in), x = strided_rows(x_in), weight = contiguous_aligned(weight_in);
  const at::Tensor r = r_in.contiguous(), table = rotations(table_in);
  const int64_t B = x.size(0), L = x.size(1), D = x.size(2);
  const RowSplit split = RowSplit::make(B, L, D, kBackwardBlocks);
  const at::Tensor d_x = at::empty({B, L, D}, x.options());
  at::Tensor partial;
  if (want_weight) partial = at::empty({B * split.blocks_per_batch, D}, x.options().dtype(at::kFloat));
  const RmsNormRopeBackwardParams params = {
      .d_y = d_y.const_data_ptr(),
      .x = x.const_data_ptr(),
      .weight = weight.const_data_ptr<float>(),
      .table = table_pointer(table),
      .r = r.const_data_ptr<float>(),
      .d_x = d_x.mutable_data_ptr(),
      .d_weight_partial = want_weight ? partial.mutable_data_ptr<float>() : nullptr,
      .x_batch_stride = x.stride(0),
      .x_token_stride = x.stride(1),
      .batches = B,
      .tokens = L,
      .width = static_cast<int32_t>(D),
      .head_dim = head_dim(table),
      .dtype = kernel_dtype(x.scalar_type(), "rms_norm_rope_backward")};
  check_launch(launch_rms_norm_rope_backward(params, current_stream(x)), "rms_norm_rope_backward");
  return {d_x, want_weight ? partial.sum(0) : at::Tensor()};
}

}  // namespace

TORCH_LIBRARY_IMPL(lintorch, CUDA, m) {
  m.impl("rms_norm_rope", forward);
  m.impl("rms_norm_rope_backward", backward);
}

}  // namespace lintorch::ops
