#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/layer_assignment.h"
#include "lintorch/linvideo/mixed_core.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch::linvideo {

/// Selective transfer: one gate r per self-attention layer decides, by learning, which `target` layers become linear.
///
/// Gates are clamped to [0,1] (Choice: the paper leaves the parametrization open) and start at `init` plus a little
/// noise. A selection that needs no model is final from the start; a greedy one is for the caller to measure and freeze.
/// Source: LinVideo (arXiv:2510.08318) Sec. 4.1.
class SelectiveTransfer {
 public:
  /// Puts a MixedCore into every block of the student and creates the gates on its device and in fp32 (fp64 for an fp64
  /// model). The linear branches start as `linear_attention` says, Kaiming init, the gates' noise and a random choice by `seed`
  /// (LinearizeConfig::seed).
  /// Throws ConfigError if target exceeds the layers, NotSupportedError if a layer of the student is linear already.
  SelectiveTransfer(wan::WanDit& student, const layers::LinearAttentionConfig& linear_attention,
                    const SelectiveTransferConfig& config, uint64_t seed);

  /// Gives a copy of the student mixed cores too: the same gates and, from now on, the same branches in use; linear
  /// branches of its own.
  void attach(wan::WanDit& twin);

  /// r of every layer, [layers]; a leaf that requires gradients.
  const at::Tensor& gates() const { return gates_; }

  /// Start values by rank: r_l = init + init_spread (rank_l / (layers - 1) - 1/2), clamped to [0,1], rank 0 the smallest of
  /// `block_errors` (one per layer).
  void start_gates(const std::vector<double>& block_errors);

  /// lambda (L_con + L_reg) of Eq. 14 at `progress` in [0,1] of the run, and its parts.
  struct Losses {
    at::Tensor weighted, constraint, regularization;
    double alpha = 0;
  };
  Losses losses(double progress) const;

  /// Number of layers with round(r) = 0, as a tensor on the device.
  at::Tensor num_linear() const;

  /// Fixes the choice: the `target` smallest gates. Waits for the device.
  void freeze();
  /// Fixes a given choice (measured, or of a resumed run).
  void freeze(LayerAssignment assignment);
  /// Takes a choice back (a return to an earlier checkpoint): gates move again from the values they hold.
  void unfreeze();
  bool frozen() const { return assignment_.has_value(); }
  /// The choice; frozen() only.
  const LayerAssignment& assignment() const { return assignment_.value(); }

  /// Brings the gates back to [0,1], or to exactly 0 and 1 once frozen. Call after each optimizer step.
  void project_gates();

  /// Softmax in every layer but one, to measure what that layer alone costs; nullopt ends it.
  void set_only_linear(std::optional<int64_t> layer);

  /// Distillation: cores return the softmax output and keep the linear branch's error.
  void set_distilling(bool distilling);
  /// Mean of the layers' distillation losses at the last forward.
  at::Tensor distillation_loss();

 private:
  using Cores = std::vector<std::shared_ptr<MixedCore>>;
  Cores put_cores(wan::WanDit& dit);
  void apply_modes();

  layers::LinearAttentionConfig linear_attention_;
  SelectiveTransferConfig config_;
  uint64_t seed_;
  int64_t num_layers_;
  at::Tensor gates_;
  Cores cores_;
  std::vector<Cores> twin_cores_;
  std::optional<LayerAssignment> assignment_;
  at::Tensor frozen_gates_;
  bool distilling_ = false;
  std::optional<int64_t> only_linear_;
};

}  // namespace lintorch::linvideo
