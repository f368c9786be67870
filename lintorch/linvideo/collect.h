#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lintorch/linvideo/collect_config.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::linvideo {

struct CollectSummary {
  int64_t trajectories = 0;  ///< in the finished store
  int64_t reused = 0;        ///< of these, found from an earlier run
  int64_t bytes = 0;         ///< of all shards
  double seconds = 0;
};

/// Data-free training set: runs the teacher's own sampler with classifier-free guidance over the prompts of a file and
/// stores every state x_t, and with it, unless config.content says states alone, the teacher's conditional and unconditional
/// velocity (trajectory_store.h).
///
/// A run that was interrupted, even by SIGKILL, continues at its first missing shard and ends with bit-identical files
/// (on the CPU, or on a GPU whose kernels are deterministic). Shows progress.
/// Throws ConfigError for a wrong prompts file, a prompt that the tokenizer would cut, a size the model cannot make, or
/// an output folder of another request; IoError if the disk has too little space, before anything is computed.
/// Source: LinVideo (arXiv:2510.08318), data-free training pairs.
CollectSummary collect_trajectories(const CollectConfig& config);

/// The same with the model of config.model already loaded.
CollectSummary collect_trajectories(pipeline::VideoModel& teacher, const CollectConfig& config);

/// The tokenizer cuts long prompts silently; training on a cut prompt would not be what the user wrote. Throws ConfigError
/// naming the first such prompt.
void check_prompt_lengths(const umt5::Tokenizer& tokenizer, const std::vector<std::string>& prompts);

}  // namespace lintorch::linvideo
