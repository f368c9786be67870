#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "lintorch/core/tensor_map.h"
#include "lintorch/train/parameter_group.h"
#include "lintorch/train/parameter_layout.h"
#include "lintorch/train/trainer_config.h"

namespace lintorch::train {

/// AdamW over parameter groups, with clipping by the global norm. A few multi-tensor launches a group; nothing waits for
/// the GPU. Source: Decoupled Weight Decay Regularization (arXiv:1711.05101).
///
/// A group takes part in a step if it is in `stepping` (one flag a group). A parameter without a gradient is left as it
/// is, and its own step count with it.
///
/// Each process updates what its ParameterLayout says, and keeps the state of that alone.
class Optimizer {
 public:
  /// Every parameter must be an fp32 or fp64 leaf that requires grad, named once; all on one device. Throws Error
  /// otherwise.
  /// layout_follows: set_layout will be called, and states are made only then: those of all parameters, which one process
  /// may have no memory for, never exist.
  Optimizer(std::vector<ParameterGroup> groups, const TrainerConfig& config, bool layout_follows = false);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Makes what the layout says, from now on, what this process updates. Call before the first step; the layout outlives
  /// this.
  void set_layout(ParameterLayout& layout);

  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// Norm of all gradients of the stepping groups: an fp32 scalar on the device. Throws Error if there is none.
  at::Tensor gradient_norm(const std::vector<bool>& stepping) const;

  /// One update, with gradients scaled by min(1, clip_norm / (norm + 1e-6)); the scaling happens inside the update.
  /// lr_of gives each group's learning rate. skip: fp32 scalar on the device; 1 leaves everything as it is
  /// (non-finite gradients), 0 updates.
  void step(const std::vector<bool>& stepping, const std::function<double(const ParameterGroup&)>& lr_of,
            const at::Tensor& norm, const at::Tensor& skip);

  /// Drops all gradients.
  void zero_grad();

  /// "exp_avg/<parameter>", "exp_avg_sq/<parameter>", "step/<group>" (one count a parameter), of whole parameters. With a
  /// sharded layout all processes call state(), and rank 0 gets it. Loading throws CheckpointError for a tensor that is
  /// missing or of another shape.
  TensorMap state() const;
  void load_state(const TensorMap& state);

 private:
  struct GroupState {
    std::vector<at::Tensor> exp_avgs, exp_avg_sqs;
    at::Tensor steps;                    // fp32 [parameters], on the device: updates really made
    std::vector<at::Tensor> step_views;  // its elements
  };
  void make_states();
  void step_group(size_t g, double lr, const at::Tensor& grad_scale, const at::Tensor& skip);

  std::vector<ParameterGroup> groups_;
  std::unique_ptr<ParameterLayout> whole_;
  ParameterLayout* layout_;
  std::vector<GroupState> states_;
  double beta1_, beta2_, eps_, weight_decay_, clip_norm_;
};

}  // namespace lintorch::train
