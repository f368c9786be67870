#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/core/json.h"
#include "lintorch/core/tensor_map.h"
#include "lintorch/dist/group.h"
#include "lintorch/train/alarms.h"
#include "lintorch/train/metric_bag.h"
#include "lintorch/train/parameter_group.h"

namespace lintorch::train {

/// How the micro-batches of a step are shared out: this process computes those whose number is its rank modulo the ranks.
struct StepShare {
  int64_t micro_batches = 1;     ///< per step, of all ranks
  dist::Group* ranks = nullptr;  ///< null for a process alone
};

/// A method, as the trainer sees it. The trainer owns the loop, the optimizer, EMA, checkpoints and logs; the unit owns
/// the networks and the loss. Data and noise must be a function of (seed, rollbacks, step, micro_step): this makes resuming
/// exact.
class TrainUnit {
 public:
  virtual ~TrainUnit() = default;

  /// Short name for logs and checkpoints, e.g. "linearize".
  virtual std::string name() const = 0;

  /// Called once, before the first step. Throws NotSupportedError or ConfigError if the unit cannot be trained so.
  virtual void prepare(const StepShare& share) {}

  /// Called once; the tensors must stay the same for the whole run.
  virtual std::vector<ParameterGroup> parameter_groups() = 0;

  /// Scalar loss of one micro-batch, with its graph. Steps count from 0. Runs under the autocast of the trainer's
  /// precision, whose cache of cast weights lives for this call: what runs without gradients must come after what runs
  /// with them, or use weights of its own.
  virtual at::Tensor training_loss(int64_t step, int64_t micro_step, MetricBag& metrics) = 0;

  /// Whether a group is updated at this step (alternating optimizers).
  virtual bool group_steps(const std::string& group, int64_t step) const { return true; }

  /// Called at the start and after each return to an earlier checkpoint, with the number of such returns so far. With
  /// another number the unit draws other data and noise, or the bits that failed would come again.
  virtual void reseed(int64_t rollbacks) {}

  /// Name of the part of the run that a step belongs to; losses are compared within a phase only.
  virtual std::string phase(int64_t step) const { return ""; }

  /// What the unit itself sees going wrong, judged by the means of a log point after `step` steps. Called at log points only,
  /// on every rank with the same means.
  virtual std::optional<Alarm> check_health(int64_t step, const std::map<std::string, double>& means) {
    return std::nullopt;
  }

  virtual void before_step(int64_t step) {}
  virtual void after_step(int64_t step, MetricBag& metrics) {}

  /// State beyond parameters, optimizer and EMA; saved with every checkpoint. With several ranks all call it at the
  /// same time, and what rank 0 returns is saved. Loading may go back in time, to a state
  /// before the present one.
  virtual TensorMap extra_state() { return {}; }
  virtual void load_extra_state(const TensorMap& state) {}

  /// What must be equal for a checkpoint to be resumed, e.g. the method's configuration.
  virtual Json identity() const { return Json::object(); }

  /// Free text for the progress bar, e.g. the number of linear layers. Called at log points only.
  virtual std::string progress_note() { return ""; }

  /// Writes pictures or videos of the current state; `folder` exists. Called every `preview_every` steps with EMA
  /// weights in place when EMA is on.
  virtual void preview(int64_t step, const std::filesystem::path& folder) {}
};

}  // namespace lintorch::train
