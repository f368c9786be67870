#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

#include "lintorch/linvideo/state_batch.h"
#include "lintorch/linvideo/trajectory_source.h"

namespace lintorch::linvideo {

/// One stored state, and whether it is matched on the unconditional branch.
struct StateIndex {
  int64_t trajectory = 0;
  int64_t step = 0;
  bool dropped = false;
};

/// Draws trajectory uniformly from [0, num_trajectories), step uniformly from the grid, and drops the prompt with
/// probability prompt_drop.
std::vector<StateIndex> draw_states(const TrajectoryManifest& manifest, int64_t num_trajectories, int64_t batch_size,
                                    double prompt_drop, at::Generator& generator);

/// `count` states of trajectories [first, end), spread evenly over trajectories and steps; the same at
/// every call.
std::vector<StateIndex> spread_states(const TrajectoryManifest& manifest, int64_t first, int64_t end, int64_t count);

/// Copies stored states from the mapped files into main memory, in the storage dtype; `pinned`: in page-locked memory, from
/// which a GPU copies while it computes. The teacher's velocity is filled in where the store has it.
StateBatch read_states(const TrajectorySource& store, const std::vector<StateIndex>& indices, bool pinned);

/// Brings states to the device in fp32. From pinned memory the host does not wait for it.
StateBatch to_device(const StateBatch& batch, c10::Device device);

/// Both in turn.
StateBatch load_states(const TrajectorySource& store, const std::vector<StateIndex>& indices, c10::Device device);

}  // namespace lintorch::linvideo
