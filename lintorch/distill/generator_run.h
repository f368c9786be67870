#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lintorch/core/json.h"
#include "lintorch/core/tensor_map.h"
#include "lintorch/distill/config.h"
#include "lintorch/distill/networks.h"
#include "lintorch/linvideo/preview.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "lintorch/pipeline/video_model.h"
#include "lintorch/train/parameter_group.h"

namespace lintorch::distill {

/// What every objective of a distillation shares: the generator, the times it is evaluated at, its previews, and what a
/// checkpoint says about the run.
struct GeneratorRun {
  /// teacher: loaded from config.teacher_folder() in fp32 on the training device; outlives the run. Its weights stop requiring
  /// gradients. Throws ConfigError if model, teacher, prompts, trajectories or size do not fit, before a network is made.
  GeneratorRun(pipeline::VideoModel& teacher, DistillConfig config);

  train::ParameterGroup group() const;
  /// DistillRecord (export.h).
  TensorMap record() const;
  /// What a continuation must have in common; places and previews may change.
  Json identity() const;
  /// By the few-step sampler, without guidance.
  void preview(int64_t step, const std::filesystem::path& folder);

  pipeline::VideoModel& teacher;
  DistillConfig config;
  c10::Device device;
  std::unique_ptr<linvideo::TrajectoryStore> trajectories;  ///< of the regression or the discriminator; null without
  std::vector<std::string> prompts;   ///< config.prompts, or those of the regression's trajectories
  std::vector<int64_t> latent_shape;  ///< [C, T, H, W]
  double shift;
  std::vector<double> times;  ///< flow times of config.steps
  std::string start_fingerprint, teacher_fingerprint;
  linvideo::PreviewSettings previews;
  TrainedNetwork generator;

 private:
  void open_trajectories(const std::string& folder, const std::string& field);
};

}  // namespace lintorch::distill
