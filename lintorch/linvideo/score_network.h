#pragma once

#include <ATen/core/Tensor.h>

#include "lintorch/core/tensor_map.h"
#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/flow_pair.h"
#include "lintorch/models/wan/dit.h"
#include "lintorch/train/optimizer.h"

namespace lintorch::linvideo {

/// A network trained beside the student to know the student's score: it starts as a copy of the teacher, which is the
/// student before any gate has moved, keeps softmax in every layer, and learns by flow matching on the student's samples.
/// Its own AdamW (constant learning rate, gradients clipped at norm 1) runs inside the student's step; costs one more
/// model with gradients and optimizer state.
class ScoreNetwork {
 public:
  ScoreNetwork(wan::WanDit& teacher, const ScoreNetworkConfig& config);

  /// One optimizer step on mean || v(x_t, t) - velocity ||^2; returns that loss, detached. A loss or gradient that is not
  /// finite changes nothing. May be called under autocast, whose cache of cast weights it clears.
  at::Tensor update(const FlowPair& pair);

  wan::WanDit& dit() { return dit_; }

  /// Weights ("model/...") and optimizer ("optimizer/..."). Loading throws CheckpointError for what is missing or of
  /// another shape.
  TensorMap state() const;
  void load_state(const TensorMap& state);

 private:
  double lr_;
  wan::WanDit dit_{nullptr};
  train::Optimizer optimizer_;
};

}  // namespace lintorch::linvideo
