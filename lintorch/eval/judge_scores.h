#pragma once

#include <ATen/core/Tensor.h>

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

/// Judges a batch of videos [B, 3, F, H, W]. An object's class is hit if it is among the k most likely classes of the
/// clip, k = objects in the prompt; its direction if it is the most likely one in the row of that class. Prompts of
/// another grammar than Moving Fashion's count in the features only.
void judge_videos(judge::Judge& judge, const at::Tensor& video_BCFHW, const std::vector<std::string>& prompts,
                  JudgeTally& tally);

/// Statistics of real test clips that the judge carries. Throws CheckpointError if it has none.
FeatureStatistics real_clip_statistics(const judge::Judge& judge);

}  // namespace lintorch::eval
