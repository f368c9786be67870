#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::ops {

/// [softmax(y), softmax(-y)] over the last axis: [..., M] -> [..., 2M], the Hedgehog features of y = x W.
/// fp32 or fp64. One kernel on CUDA where the library has it for the width. Not differentiable by itself: see
/// hedgehog_features_backward. Dispatcher name: lintorch::hedgehog_features.
at::Tensor hedgehog_features(const at::Tensor& y);

/// Gradient with respect to y given phi = hedgehog_features(y), [..., 2M], and the gradient of phi:
/// dy = p+ (g+ - <g+, p+>) - p- (g- - <g-, p->).
at::Tensor hedgehog_features_backward(const at::Tensor& phi, const at::Tensor& grad_phi);

}  // namespace lintorch::ops
