#pragma once

#include <filesystem>
#include <functional>

#include "lintorch/train/ema.h"
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
/// A run folder holds resolved_config.json (written by the app), metrics.jsonl, tensorboard/, previews/ and
/// checkpoints/. Resuming at a checkpoint continues bit for bit on the CPU: data and noise depend on the step alone, and
/// LibTorch's default generators are seeded anew at every step.
///
/// Non-finite losses or gradients never change the weights: the update is left out on the device, and the run stops
/// with an Error at the next log point (and always before a checkpoint is written), naming the step.
class Trainer {
 public:
  Trainer(TrainerConfig config, TrainUnit& unit, std::filesystem::path run_dir);

  /// Continues from the newest readable checkpoint of the run folder; returns false if there is none.
  /// Throws ConfigError naming the key if the run was started with other settings.
  bool resume();

  /// SIGINT and SIGTERM end the run after the current step, with a checkpoint. Throws Error on divergence.
  TrainResult run();

  const Ema& ema() const { return ema_; }
  Ema& ema() { return ema_; }
  int64_t step() const { return step_; }

 private:
  void train_step(MetricBag& metrics);
  void check_finite();
  void log_point(MetricBag& metrics, MetricsLog& log, ProgressBar& progress);
  void save();
  void preview();
  double elapsed_seconds() const;

  TrainerConfig config_;
  TrainUnit& unit_;
  std::filesystem::path run_dir_;
  Optimizer optimizer_;
  Ema ema_;
  int64_t step_ = 0;
  at::Tensor first_bad_step_;  // int64 on the device, -1 = none
  double seconds_before_ = 0;
  std::function<double()> seconds_now_;
};

}  // namespace lintorch::train
