#pragma once

#include <ATen/core/Generator.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/objective.h"
#include "lintorch/linvideo/preview.h"
#include "lintorch/linvideo/rollout_pool.h"
#include "lintorch/linvideo/selective_transfer.h"
#include "lintorch/linvideo/state_reader.h"
#include "lintorch/linvideo/stored_states.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/linvideo/trajectory_source.h"
#include "lintorch/pipeline/video_model.h"
#include "lintorch/train/train_unit.h"

namespace lintorch::linvideo {

/// Linearization of a teacher by selective transfer: the student starts as a copy of the teacher with mixed cores, and
///
///   L_total = objective + lambda (L_con + L_reg)
///
/// is minimized over the run's phases: feature-map warm-up (optional), selective transfer, and, once the choice is
/// frozen, the objective alone with the unused branches switched off. A greedy selection is measured after the warm-up.
/// Source: LinVideo (arXiv:2510.08318) Eq. 14.
class LinearizeUnit : public train::TrainUnit {
 public:
  /// teacher: loaded from config.model, in config.load_dtype() on the training device; outlives the unit, which casts its
  /// DiT to config.frozen_dtype and releases its text encoder. precision: of the trainer, for what the teacher samples here
  /// (states online).
  /// Throws ConfigError if the trajectories come from another teacher, lack what the objective needs, or the target
  /// does not fit the model.
  LinearizeUnit(pipeline::VideoModel& teacher, LinearizeConfig config, int64_t total_steps,
                std::string_view precision = "fp32");

  std::string name() const override { return "linearize"; }
  /// Throws NotSupportedError for several ranks with a pool of trajectories or a score network.
  void prepare(const train::StepShare& share) override;
  std::vector<train::ParameterGroup> parameter_groups() override;
  at::Tensor training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) override;
  /// Warm-up moves the feature maps only; a frozen choice holds the gates.
  bool group_steps(const std::string& group, int64_t step) const override;
  void reseed(int64_t rollbacks) override;
  /// "warmup", "transfer", "final".
  std::string phase(int64_t step) const override;
  /// The number of linear layers shortly before the freeze (selective_transfer.gate_margin).
  std::optional<train::Alarm> check_health(int64_t step, const std::map<std::string, double>& means) override;
  void before_step(int64_t step) override;
  void after_step(int64_t step, train::MetricBag& metrics) override;
  /// What lintorch-export needs beside the weights: the config and teacher fingerprint (training_record.h), the frozen
  /// choice; the pool of trajectories; the averaged student or the score network.
  TensorMap extra_state() override;
  Json identity() const override;
  void load_extra_state(const TensorMap& state) override;
  std::string progress_note() override;
  void preview(int64_t step, const std::filesystem::path& folder) override;

  wan::WanDit& student() { return student_; }
  const SelectiveTransfer& transfer() const { return *transfer_; }

 private:
  bool warming_up(int64_t step) const { return step < config_.warmup.steps; }
  int64_t freeze_step() const;
  double transfer_progress(int64_t step) const;
  void check_config();
  void set_up_previews();
  void measure_blocks();
  at::Tensor warmup_loss(int64_t step, int64_t micro_step, at::Generator& generator, train::MetricBag& metrics);
  at::Tensor objective_loss(int64_t step, int64_t micro_step, at::Generator& generator, train::MetricBag& metrics);
  std::unique_ptr<AveragedStudent> make_averaged_student();
  StateBatch states_of(int64_t step, int64_t micro_step, at::Generator& generator, train::MetricBag& metrics);
  StateBatch stored_states(int64_t step, int64_t micro_step, at::Generator& generator, train::MetricBag& metrics);
  bool online() const { return config_.objective.states == StateSource::kOnline; }
  std::vector<StateIndex> draw(at::Generator& generator) const;
  void add_selection_metrics(const SelectiveTransfer::Losses& losses, train::MetricBag& metrics);
  void measure_held_out(train::MetricBag& metrics);

  pipeline::VideoModel& teacher_;
  LinearizeConfig config_;
  int64_t total_steps_;
  std::unique_ptr<TrajectorySource> source_;
  int64_t num_training_trajectories_;
  int64_t num_known_trajectories_;  ///< of the training ones: the first whose states are there
  c10::Device device_;
  PreviewSettings preview_;
  wan::WanDit student_{nullptr};
  std::unique_ptr<SelectiveTransfer> transfer_;
  StudentParameters parameters_;
  std::unique_ptr<Objective> objective_;
  std::unique_ptr<RolloutPool> pool_;
  std::string teacher_fingerprint_;
  uint32_t prompts_crc32_ = 0;        ///< online states: of the file as it was read
  std::vector<double> block_errors_;  ///< once measured, for a greedy selection or for the gates' start
  at::Tensor num_linear_;             ///< of the last step, on the device
  uint64_t state_seed_ = 0;
  std::unique_ptr<StateReader> reader_;
  int64_t health_step_ = 0;  ///< of the last check_health
};

}  // namespace lintorch::linvideo
