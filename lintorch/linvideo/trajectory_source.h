#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "lintorch/linvideo/trajectory_manifest.h"

namespace lintorch::linvideo {

/// Trajectories of a teacher as training reads them, from a disk or from memory.
class TrajectorySource {
 public:
  virtual ~TrajectorySource() = default;

  /// How they were sampled: grid, guidance, prompts.
  virtual const TrajectoryManifest& manifest() const = 0;
  int64_t num_trajectories() const { return manifest().trajectories; }
  int64_t num_steps() const { return manifest().steps; }

  /// State x_t before `step` (0 = noise, num_steps() = finished latent): [C, T, H, W], CPU, storage dtype.
  virtual at::Tensor state(int64_t trajectory, int64_t step) const = 0;
  /// Teacher velocity at that state with the prompt, or with the negative prompt. step < num_steps(). Only where the
  /// manifest has_velocities(), the latter also only where it has_unconditional().
  virtual at::Tensor conditional_velocity(int64_t trajectory, int64_t step) const = 0;
  virtual at::Tensor unconditional_velocity(int64_t trajectory, int64_t step) const = 0;
  /// Text embeddings, [S, D], CPU.
  virtual at::Tensor text(int64_t trajectory) const = 0;
  virtual const at::Tensor& unconditional_text() const = 0;
};

}  // namespace lintorch::linvideo
