#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "lintorch/linvideo/objective_config.h"
#include "lintorch/linvideo/prompt_embeddings.h"
#include "lintorch/linvideo/trajectory_source.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::linvideo {

/// Where states come from without a disk (states "online"): one trajectory per prompt of a file, of which a few are sampled
/// by the teacher at the start and kept in main memory: the first ones, from which the rolling pool starts, and the last
/// ones, which are held out. The others are texts and noise that the pool begins with as it rolls.
class SampledTrajectories : public TrajectorySource {
 public:
  /// Encodes all prompts and samples trajectories [0, first) and the `held_out` last by Euler steps. Throws ConfigError for a
  /// wrong prompts file, a prompt that is cut, a size that the model cannot make, fewer prompts than first + held_out.
  /// teacher_folder: for the fingerprint.
  SampledTrajectories(pipeline::VideoModel& teacher, const std::string& teacher_folder, const OnlineConfig& config,
                      int64_t first, int64_t held_out, int64_t seed);

  const TrajectoryManifest& manifest() const override { return manifest_; }
  /// Of the sampled trajectories only.
  at::Tensor state(int64_t trajectory, int64_t step) const override;
  /// There are none.
  at::Tensor conditional_velocity(int64_t trajectory, int64_t step) const override;
  at::Tensor unconditional_velocity(int64_t trajectory, int64_t step) const override;
  at::Tensor text(int64_t trajectory) const override;
  const at::Tensor& unconditional_text() const override { return unconditional_text_SD_; }

 private:
  TrajectoryManifest manifest_;
  std::unique_ptr<PromptEmbeddings> prompts_;
  at::Tensor unconditional_text_SD_;
  std::map<int64_t, at::Tensor> x_ICTHW_;  ///< by trajectory
};

}  // namespace lintorch::linvideo
