#pragma once

#include <memory>

#include "lintorch/core/prefetcher.h"
#include "lintorch/models/judge/judge.h"
#include "lintorch/models/judge/scoring.h"
#include "lintorch/pretrain/config.h"
#include "lintorch/train/train_unit.h"

namespace lintorch::pretrain {

/// Trains the judge: binary cross-entropy of the presence of each class, plus cross-entropy of the direction of every
/// object that is in the clip.
class JudgeUnit : public train::TrainUnit {
 public:
  JudgeUnit(const JudgeStageConfig& config, std::shared_ptr<const MovingFashion> clips, judge::Judge judge,
            c10::Device device);

  std::string name() const override { return "judge"; }
  std::vector<train::ParameterGroup> parameter_groups() override;
  at::Tensor training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) override;

  /// Judges test clips; stores the accuracies and the statistics of the features in the judge.
  judge::Recognition test();

 private:
  struct Batch {
    at::Tensor video_BCFHW;
    at::Tensor presence;                   // [B, 10], 0 or 1
    at::Tensor clip, class_id, direction;  // int64 [objects of the batch]
  };
  Batch draw(int64_t index) const;

  JudgeStageConfig config_;
  std::shared_ptr<const MovingFashion> clips_;
  judge::Judge judge_;
  c10::Device device_;
  Prefetcher<Batch> batches_;
};

}  // namespace lintorch::pretrain
