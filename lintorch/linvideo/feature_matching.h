#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "lintorch/models/wan/block_observer.h"

namespace lintorch::linvideo {

/// Keeps the residual stream after each block, h_l [B, L, D], of the WanDit forwards that this thread makes while it lives.
class BlockFeatures {
 public:
  BlockFeatures();

  /// One tensor per block, with its gradients; layers in order.
  const std::vector<at::Tensor>& values() const { return values_; }

 private:
  std::vector<at::Tensor> values_;
  wan::BlockObserver observer_;
};

/// 1/N sum_l  mean (h_l - h^_l)^2 / mean h_l^2  over the N blocks: how far the student's hidden states are from the
/// teacher's. features_hat: student, with gradients; features: teacher. Returns a scalar. Not in the paper; hidden-state
/// distillation as in FitNets (arXiv:1412.6550) and, for linearized models, MOHAWK (arXiv:2408.10189).
at::Tensor feature_matching_loss(const std::vector<at::Tensor>& features_hat, const std::vector<at::Tensor>& features);

}  // namespace lintorch::linvideo
