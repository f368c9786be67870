#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

#include "lintorch/core/tensor_map.h"
#include "lintorch/linvideo/state_batch.h"
#include "lintorch/linvideo/trajectory_source.h"

namespace lintorch::linvideo {

/// A rolling pool of trajectories in flight: on-policy ones, which the student moves, or online ones, which the teacher
/// moves. Every training step takes the next few members, and a guided velocity moves them one Euler step on; a finished
/// member starts again from fresh noise with the next prompt. No trajectory is sampled for its own sake.
///
/// The pool starts with teacher states spread over the grid, so that all times occur from the first step.
class RolloutPool {
 public:
  /// Prompts and grid come from the source; trajectories [0, num_trajectories) are used, of which the first num_starts give
  /// the states to start with (0: all).
  RolloutPool(const TrajectorySource& source, int64_t num_trajectories, int64_t pool_size, uint64_t seed,
              c10::Device device, int64_t num_starts = 0);

  /// The next members. dropped: which of them are matched on the unconditional branch (as long as the batch).
  StateBatch next(const std::vector<bool>& dropped);

  /// Moves the members of the last batch one step on with their (guided) velocity.
  void advance(const at::Tensor& velocity_BCTHW);

  /// The same with the guided velocity of `mover` (the student, or the teacher), which is evaluated without gradients. batch:
  /// as next() gave it; velocity_BCTHW: what `mover` says of it, undefined if not at hand.
  void advance_guided(const StateBatch& batch, const VelocityFunction& mover, at::Tensor velocity_BCTHW);

  /// Embeddings of the last batch's prompts and of the negative prompt, whatever was dropped.
  at::Tensor conditional_text_BSD() const;
  at::Tensor unconditional_text_BSD() const;

  /// After roll-backs other members come next and restarts draw other noise, whatever state is loaded.
  void set_rollbacks(int64_t rollbacks) { rollbacks_ = rollbacks; }

  TensorMap state() const;
  void load_state(const TensorMap& state);

 private:
  const TrajectorySource& source_;
  int64_t num_trajectories_, num_starts_;
  uint64_t seed_;
  c10::Device device_;
  std::vector<at::Tensor> x_CTHW_;
  at::Tensor step_P_;        ///< int64, CPU; P = members of the pool
  at::Tensor trajectory_P_;  ///< int64, CPU: whose prompt
  int64_t cursor_ = 0;
  int64_t num_restarts_ = 0;
  int64_t rollbacks_ = 0;
  std::vector<int64_t> last_;       ///< members of the last batch
  std::vector<bool> last_dropped_;  ///< of these
};

}  // namespace lintorch::linvideo
