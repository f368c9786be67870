#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lintorch/distill/generator_run.h"
#include "lintorch/train/train_unit.h"

namespace lintorch::distill {

/// A start for distribution matching: the generator learns where the teacher's own trajectories end. With t_k a time of the
/// few-step list, x the stored state of a guided trajectory next to it, t the time of that state and x_0 its end:
///
///     L = mean || x - t u(x, t) - x_0 ||^2
///
/// The teacher's sampler is deterministic, so that every state has one end, and one evaluation can learn to reach it; what it
/// cannot resolve comes out as a mean, which distribution matching then sharpens. No network but the generator trains, and none
/// but it is evaluated. Data-free: the trajectories are the teacher's (lintorch-collect).
/// Source: CausVid (arXiv:2412.07772) section 4.3, there as initialization of the student.
class RegressionUnit : public train::TrainUnit {
 public:
  /// As DistillUnit. Throws ConfigError if model, teacher or trajectories do not fit, or a time of the list has no state near.
  RegressionUnit(pipeline::VideoModel& teacher, DistillConfig config);

  std::string name() const override { return "distill"; }
  std::vector<train::ParameterGroup> parameter_groups() override { return {run_.group()}; }
  at::Tensor training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) override;
  void reseed(int64_t rollbacks) override;
  TensorMap extra_state() override { return run_.record(); }
  void load_extra_state(const TensorMap& state) override;
  Json identity() const override;
  void preview(int64_t step, const std::filesystem::path& folder) override { run_.preview(step, folder); }

  /// Of each time of the list, the stored step whose state is next to it.
  const std::vector<int64_t>& stored_steps() const { return stored_steps_; }
  wan::WanDit& generator() { return run_.generator.dit; }

 private:
  GeneratorRun run_;
  std::vector<int64_t> stored_steps_;
  uint64_t data_seed_ = 0;
};

}  // namespace lintorch::distill
