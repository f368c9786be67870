#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lintorch/linvideo/collect_config.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::linvideo {

/// What a collection is to hold: the config with the teacher's values where it has none, the grid, and the prompts of its
/// file. Throws ConfigError for a wrong prompts file or a size that the model cannot make.
TrajectoryManifest trajectory_request(const pipeline::VideoModel& teacher, const CollectConfig& config);

/// Runs the teacher's sampler for the given trajectories of a request as one batch, each from the noise of its own stream;
/// keeps what the request's content says, in its storage dtype, on the CPU. text_BSD: of their prompts; uncond_BSD: of the
/// negative prompt. on_step(i): after each evaluation i = 0, 1, ...; may be empty.
std::vector<Trajectory> sample_trajectories(wan::WanDit& dit, const TrajectoryManifest& request,
                                            const std::vector<int64_t>& trajectories, const at::Tensor& text_BSD,
                                            const at::Tensor& uncond_BSD, const std::function<void(int64_t)>& on_step);

}  // namespace lintorch::linvideo
