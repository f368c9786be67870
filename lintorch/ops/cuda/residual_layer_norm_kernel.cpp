#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "lintorch/ops/cuda/launch.h"
#include "lintorch/ops/cuda/residual_layer_norm_params.h"
#include "lintorch/ops/residual_layer_norm_formula.h"

namespace lintorch::ops {
namespace {

/// A modulation row per batch entry: [B or 1, 1, D] fp32 -> pointer and batch stride. Keeps a copy alive if it made one.
struct Modulation {
  explicit Modulation(const OptionalTensor& given) {
    if (!given) return;
    LT_CHECK(given->dim() == 3 && given->scalar_type() == at::kFloat, Error,
             "[residual_layer_norm] expected modulation [B, 1, D] in fp32");
    tensor = *given;
    if (tensor.stride(2) != 1 || tensor.stride(0) % 4 != 0 || !is_aligned(tensor)) tensor = contiguous_aligned(tensor);
    stride = tensor.size(0) == 1 ? 0 : tensor.stride(0);
  }
  const float* pointer() const { return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr; }

  at::Tensor tensor;
  int64_t stride = 0;
};

at::Tensor prepared(const OptionalTensor& tensor) { return tensor ? contiguous_aligned(*tensor) : at::Tensor(); }
const void* input(const at::Tensor& tensor) { return tensor.defined() ? tensor.const_data_ptr() : nullptr; }
void* output(const at::Tensor& tensor) { return tensor.defined() ? tensor.mutable_data_ptr() : nullptr; }
float* float_output(const at::Tensor& tensor) { return static_cast<float*>(output(tensor)); }

std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(const at::Tensor& x_in, const OptionalTensor& update_in,
                                                       const OptionalTensor& gate_in, const OptionalTensor& scale_in,
                                                       const OptionalTensor& shift_in, double eps, at::ScalarType dtype,
                                                       bool keep_statistics) {
  const c10::cuda::CUDAGuard guard(x_in.device());
  const at::Tensor x = contiguous_aligned(x_in), update = prepared(update_in);
  const Modulation gate(gate_in), scale(scale_in), shift(shift_in);
  const int64_t B = x.size(0), L = x.size(1), D = x.size(2);
  const at::ScalarType io = scale_in ? dtype : update.scalar_type();
  at::Tensor x_out, h, statistics;
  if (update_in) x_out = at::empty_like(x);
  if (scale_in) {
    h = at::empty({B, L, D}, x.options().dtype(dtype));
    if (keep_statistics) statistics = at::empty({B, L, 2}, x.options().dtype(at::kFloat));
  }
  const ResidualLayerNormParams params = {.x = input(x),
                                          .update = input(update),
                                          .gate = gate.pointer(),
                                          .scale = scale.pointer(),
                                          .shift = shift.pointer(),
                                          .x_out = output(x_out),
                                          .h = output(h),
                                          .statistics = float_output(statistics),
                                          .gate_stride = gate.stride,
                                          .scale_stride = scale.stride,
                                          .shift_stride = shift.stride,
                                          .batches = B,
                                          .tokens = L,
                                          .width = static_cast<int32_t>(D),
                                          .eps = static_cast<float>(eps),
                                          .x_dtype = kernel_dtype(x.scalar_type(), "residual_layer_norm"),
                                          .io_dtype = kernel_dtype(io, "residual_layer_norm")};
  check_launch(launch_residual_layer_norm(params, current_stream(x)), "residual_layer_norm");
  return {x_out, h, statistics};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor> backward(
    const OptionalTensor& d_x_out_in, const OptionalTensor& d_h_in, const OptionalTensor& x_out_in,
    const OptionalTensor& update_in, const OptionalTensor& gate_in, const OptionalTensor& scale_in,
    const OptionalTensor& statistics_in, at::ScalarType update_dtype, bool want_update, bool want_gate,
    bool want_modulation) {
  const bool norm = scale_in.has_value();
  const at::Tensor& like = norm ? *x_out_in : *d_x_out_in;
  const c10::cuda::CUDAGuard guard(like.device());
  const int64_t B = like.size(0), L = like.size(1), D = like.size(2);
  const at::Tensor d_x_out = prepared(d_x_out_in);
  if (!norm && !want_update && !want_gate) return {d_x_out, {}, {}, {}, {}};
  at::Tensor d_h, x_out, statistics;
  if (norm) {
    d_h = prepared(d_h_in);
    x_out = prepared(x_out_in);
    statistics = statistics_in->contiguous();
  }
  const at::Tensor update = want_gate ? prepared(update_in) : at::Tensor();
  const Modulation gate(gate_in), scale(scale_in);
  const RowSplit split = RowSplit::make(B, L, D, kBackwardBlocks);
  const auto partial = [&](bool wanted) {
    return wanted ? at::empty({B, split.blocks_per_batch, D}, like.options().dtype(at::kFloat)) : at::Tensor();
  };
  const at::Tensor d_x = norm ? at::empty({B, L, D}, like.options()) : d_x_out;
  const at::Tensor d_update = want_update ? at::empty({B, L, D}, like.options().dtype(update_dtype)) : at::Tensor();
  const at::Tensor d_gate = partial(want_gate);
  const at::Tensor d_scale = partial(norm && want_modulation), d_shift = partial(norm && want_modulation);
  const at::ScalarType io = norm ? d_h.scalar_type() : update_dtype;
  const ResidualLayerNormBackwardParams params = {
      .d_x_out = input(d_x_out),
      .d_h = input(d_h),
      .x_out = input(x_out),
      .update = input(update),
      .gate = gate.pointer(),
      .scale = scale.pointer(),
      .statistics = static_cast<const float*>(input(statistics)),
      .d_x = norm ? output(d_x) : nullptr,
      .d_update = output(d_update),
      .d_gate_partial = float_output(d_gate),
      .d_scale_partial = float_output(d_scale),
      .d_shift_partial = float_output(d_shift),
      .gate_stride = gate.stride,
      .scale_stride = scale.stride,
      .batches = B,
      .tokens = L,
      .width = static_cast<int32_t>(D),
      .x_dtype = kernel_dtype(like.scalar_type(), "residual_layer_norm_backward"),
      .io_dtype = kernel_dtype(io, "residual_layer_norm_backward")};
  check_launch(launch_residual_layer_norm_backward(params, current_stream(like)), "residual_layer_norm_backward");
  const auto summed = [](const at::Tensor& sums) { return sums.defined() ? sums.sum(1, /*keepdim=*/true) : sums; };
  return {d_x, d_update, summed(d_gate), summed(d_scale), summed(d_shift)};
}

}  // namespace

TORCH_LIBRARY_IMPL(lintorch, CUDA, m) {
  m.impl("residual_layer_norm", forward);
  m.impl("residual_layer_norm_backward", backward);
}

}  // namespace lintorch::ops
