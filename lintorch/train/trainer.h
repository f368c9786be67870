#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "lintorch/dist/group.h"
#include "lintorch/train/alarms.h"
#include "lintorch/train/autocast.h"
#include "lintorch/train/ema.h"
#include "lintorch/train/gradient_buckets.h"
#include "lintorch/train/nonfinite_guard.h"
#include "lintorch/train/optimizer.h"
#include "lintorch/train/train_checkpoint.h"
#include "lintorch/train/train_unit.h"
#include "lintorch/train/trainer_config.h"

namespace lintorch {
class ProgressBar;
}

namespace lintorch::train {

class MetricsLog;
enum class TrainResult { kFinished, kInterrupted };

/// Runs a TrainUnit: accumulate, clip, step, average, log, save. Knows no method.
///
/// With a Group, `accumulate` micro-batches a step are shared out over the ranks: the same data for any number of ranks, and
/// the same loss up to the rounding of sums in another order. Rank 0 writes logs, checkpoints and previews; checkpoints hold
/// whole parameters and optimizer states, so that a run can go on with another number of ranks or another `shard`. Each rank
/// must see the run folder. A signal to any rank stops all after the same step.
///
/// A run folder holds resolved_config.json (written by the app), metrics.jsonl, tensorboard/, previews/ and
/// checkpoints/. Resuming at a checkpoint continues bit for bit on the CPU: data and noise depend on the step alone, and
/// LibTorch's default generators are seeded anew at every step.
///
/// Non-finite losses or gradients never change the weights: the update is left out on the device. More of them than
/// `max_nonfinite` are an alarm at the next log point (and always before a checkpoint is written), naming the first such
/// step; so are the spikes of `alarms` and what the unit sees (check_health), at log points.
///
/// An alarm takes the run back to its newest checkpoint, `max_rollbacks` times in all, then it ends it with an Error. If the
/// alarm comes again before a newer checkpoint was written, that checkpoint counts as bad: it is removed and the one before
/// it taken. After a roll-back data and noise are other ones (TrainUnit::reseed) and the learning rate is scaled by
/// `rollback_lr_factor`; rollbacks.json in the run folder lists them. With roll-backs allowed step 0 is saved too.
class Trainer {
 public:
  /// Throws ConfigError for a wrong setting, Error for parameters that cannot be trained.
  Trainer(TrainerConfig config, TrainUnit& unit, std::filesystem::path run_dir, dist::Group* ranks = nullptr);

  /// Seconds of a step, timed over `count` of them from `first_step` after one to warm up. Writes nothing; the state
  /// afterwards is of no use. For plans.
  double time_steps(int64_t first_step, int64_t count);

  /// Continues from the newest readable checkpoint of the run folder; returns false if there is none.
  /// Throws ConfigError naming the keys if the run was started with other settings, CheckpointError if the parameters
  /// are not those of the unit.
  bool resume();

  /// SIGINT and SIGTERM end the run after the current step, with a checkpoint. Throws Error on divergence, ConfigError
  /// if the folder holds checkpoints of another run and resume() was not called, IoError if the disk has too little space
  /// for the checkpoints to come, or a file cannot be written.
  TrainResult run();

  const Ema& ema() const { return ema_; }
  Ema& ema() { return ema_; }
  int64_t step() const { return step_; }

 private:
  void seed_default_generators(int64_t micro_step);
  void train_step(MetricBag& metrics);
  at::Tensor forward(int64_t micro_step, MetricBag& metrics);
  at::Tensor accumulate_gradients(MetricBag& metrics);
  /// train.precision, for what runs networks.
  AutocastScope autocast_scope() const { return {device_, autocast_dtype(config_.precision, device_)}; }
  int64_t num_ranks() const { return ranks_ ? ranks_->size() : 1; }
  bool leads() const { return !ranks_ || ranks_->rank() == 0; }
  void wait_for_ranks() {
    if (ranks_) ranks_->barrier();
  }
  void load(const TrainCheckpoint& checkpoint);
  TrainCheckpoint checkpoint();
  void check_disk_space();
  std::optional<Alarm> check_finite() const;
  std::optional<Alarm> log_point(MetricBag& metrics, MetricsLog* log, ProgressBar* progress);
  bool roll_back(const Alarm& alarm);
  void set_rollbacks(int64_t count);
  void save();
  void preview();
  void report_end() const;
  double elapsed_seconds() const;

  TrainerConfig config_;
  TrainUnit& unit_;
  std::filesystem::path run_dir_;
  dist::Group* ranks_;
  Optimizer optimizer_;
  std::unique_ptr<GradientBuckets> buckets_;
  Ema ema_;
  c10::Device device_;
  NonfiniteGuard guard_;
  AlarmWatch watch_;
  int64_t rollbacks_ = 0;
  int64_t step_ = 0;
  bool resumed_ = false;
  at::Tensor backward_seed_;  // 1 / accumulate, where backward starts
  double seconds_before_ = 0, save_seconds_ = 0;
  std::optional<std::chrono::steady_clock::time_point> run_begin_;
};

}  // namespace lintorch::train
