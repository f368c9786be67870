#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace lintorch::ops {

/// What is added to the residual stream: update_BLD, times gate_B1D (undefined: 1).
struct GatedUpdate {
  at::Tensor update_BLD;
  at::Tensor gate_B1D;
};

/// h = LayerNorm(x) scale + shift, LayerNorm over the last axis without parameters of its own; returned as `dtype`.
/// x_BLD: fp32, bf16 or fp64. Modulation: one_plus_scale and shift [B or 1, 1, D]; an affine LayerNorm: [D] each (its
/// weight and bias). Differentiable once. Throws Error if shapes disagree.
at::Tensor layer_norm_modulate(const at::Tensor& x_BLD, const at::Tensor& shift, const at::Tensor& one_plus_scale,
                               double eps, at::ScalarType dtype);

/// x + update * gate, [B, L, D], in the wider dtype of x and update. gate_B1D: [B or 1, 1, D] or undefined (1).
at::Tensor gated_residual(const at::Tensor& x_BLD, const GatedUpdate& update);

/// A step of a residual stream: its new value, and h computed from it.
struct ResidualNorm {
  at::Tensor x_BLD, h_BLD;
};

/// Both of the above at once: x' = x + update * gate, h = layer_norm_modulate(x'). Without an update x' is x; going on
/// with the returned x' lets one backward kernel add up the gradients of both branches.
/// One pass over memory on CUDA, forward and backward (statistics and sums in fp32; gradients of gate, scale and shift
/// in two deterministic stages); the plain composition elsewhere (ops/fused_kernels.h).
ResidualNorm residual_layer_norm(const at::Tensor& x_BLD, const std::optional<GatedUpdate>& update,
                                 const at::Tensor& shift, const at::Tensor& one_plus_scale, double eps,
                                 at::ScalarType dtype);

}  // namespace lintorch::ops
