#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/eval/frechet_distance.h"
#include "lintorch/models/judge/judge.h"

namespace lintorch::eval {

/// What the judge found, gathered over batches. Hits are 0 or 1, one per object that a prompt names.
struct JudgeTally {
  std::vector<double> class_hits;
  std::vector<double> direction_hits;
  std::vector<at::Tensor> features;  // [B, D] each
};

/// The judge network with what it knows about real test clips.
class JudgeScorer {
 public:
  /// Reads a judge/ folder: the network, and real_clips.safetensors (tensors mean, covariance; metadata count,
  /// class_accuracy, direction_accuracy). Throws CheckpointError or IoError.
  JudgeScorer(const std::filesystem::path& folder, c10::Device device);

  /// Judges a batch. An object's class is hit if it is among the k most likely classes of the clip, k = objects in the
  /// prompt; its direction if it is the most likely one in the row of that class. Prompts of another grammar count only
  /// in the features.
  void add(const at::Tensor& video_BCFHW, const std::vector<std::string>& prompts, JudgeTally& tally) const;

  const FeatureStatistics& real_statistics() const { return real_statistics_; }
  double real_class_accuracy() const { return real_class_accuracy_; }
  double real_direction_accuracy() const { return real_direction_accuracy_; }

 private:
  mutable judge::Judge judge_{nullptr};
  FeatureStatistics real_statistics_;
  double real_class_accuracy_ = 0;
  double real_direction_accuracy_ = 0;
};

}  // namespace lintorch::eval
