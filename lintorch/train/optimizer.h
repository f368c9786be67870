#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lintorch/core/tensor_map.h"
#include "lintorch/train/parameter_group.h"
#include "lintorch/train/trainer_config.h"

namespace lintorch::train {

/// AdamW over parameter groups, with clipping by the global norm. One fused multi-tensor update a group; nothing waits
/// for the GPU. Source: Decoupled Weight Decay Regularization (arXiv:1711.05101).
class Optimizer {
 public:
  /// Every parameter must be an fp32 or fp64 leaf that requires grad, named once. Throws Error otherwise.
  Optimizer(std::vector<ParameterGroup> groups, const TrainerConfig& config);

  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// Global gradient norm over all groups [scalar tensor, on the device], after scaling the gradients down to
  /// clip_norm. Parameters without a gradient count as zero.
  at::Tensor clip_gradients(double clip_norm);

  /// One update. `lr_of` gives each group's learning rate; a negative one leaves the group out.
  /// skip: scalar fp32 tensor on the device, 1 = leave everything as it is (non-finite gradients), 0 = update.
  void step(const std::function<double(const ParameterGroup&)>& lr_of, const at::Tensor& skip);

  /// Drops all gradients.
  void zero_grad();

  /// "exp_avg/<name>", "exp_avg_sq/<name>", "step/<group>". Loading throws CheckpointError for a tensor that is
  /// missing or of another shape.
  TensorMap state() const;
  void load_state(const TensorMap& state);

 private:
  struct GroupState {
    std::vector<at::Tensor> exp_avgs, exp_avg_sqs;
    at::Tensor step;  // fp32 scalar on the device: steps really taken
  };

  std::vector<ParameterGroup> groups_;
  std::vector<GroupState> states_;
  double beta1_, beta2_, eps_, weight_decay_;
};

}  // namespace lintorch::train
