#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

#include "lintorch/core/tensor_map.h"
#include "lintorch/linvideo/state_batch.h"
#include "lintorch/linvideo/trajectory_store.h"

namespace lintorch::linvideo {

/// On-policy states: a rolling pool of the student's own trajectories in flight. Every training step takes the next few
/// members, and its prediction moves them one Euler step on; a finished member starts again from fresh noise with the
/// next prompt. On-policy states therefore cost no sampling of their own.
///
/// The pool starts with teacher states spread over the grid, so that all times occur from the first step.
class RolloutPool {
 public:
  /// Prompts and grid come from the store; trajectories [0, num_trajectories) are used.
  RolloutPool(const TrajectoryStore& store, int64_t num_trajectories, int64_t pool_size, uint64_t seed,
              c10::Device device);

  /// The next members. dropped: which of them are matched on the unconditional branch (as long as the batch).
  StateBatch next(const std::vector<bool>& dropped);

  /// Moves the members of the last batch one step on with their (guided) velocity.
  void advance(const at::Tensor& velocity_BCTHW);

  /// Embeddings of the last batch's prompts and of the negative prompt, whatever was dropped.
  at::Tensor conditional_text_BSD() const;
  at::Tensor unconditional_text_BSD() const;

  TensorMap state() const;
  void load_state(const TensorMap& state);

 private:
  const TrajectoryStore& store_;
  int64_t num_trajectories_;
  uint64_t seed_;
  c10::Device device_;
  std::vector<at::Tensor> x_CTHW_;
  at::Tensor step_P_;        ///< int64, CPU; P = members of the pool
  at::Tensor trajectory_P_;  ///< int64, CPU: whose prompt
  int64_t cursor_ = 0;
  int64_t num_restarts_ = 0;
  std::vector<int64_t> last_;  ///< members of the last batch
};

}  // namespace lintorch::linvideo
