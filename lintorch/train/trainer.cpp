#include "lintorch/train/trainer.h"

#include <ATen/Context.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <c10/core/GradMode.h>

#include <chrono>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/rng.h"
#include "lintorch/train/metrics_log.h"
#include "lintorch/train/stop_signal.h"

namespace lintorch::train {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kStepStream = 0x73746570;  // "step"

/// Keys that may change between a run and its continuation.
bool free_to_change(const std::string& key) {
  return key == "log_every" || key == "save_every" || key == "keep_last" || key == "preview_every";
}

void refuse_other_config(const Json& saved, const Json& now, const std::string& what) {
  for (const auto& [key, value] : now.items()) {
    if (free_to_change(key)) continue;
    const Json before = saved.is_object() && saved.contains(key) ? saved[key] : Json();
    LT_CHECK(before == value, ConfigError,
             "[resume] {}.{} is {} now, but the run was started with {}: use the same setting or a new output folder", what,
             key, value.dump(), before.dump());
  }
}

}  // namespace

Trainer::Trainer(TrainerConfig config, TrainUnit& unit, fs::path run_dir)
    : config_(std::move(config)),
      unit_(unit),
      run_dir_(std::move(run_dir)),
      optimizer_(unit.parameter_groups(), config_),
      ema_(optimizer_.groups(), config_.ema_decay) {
  const auto& any = optimizer_.groups().front().parameters.front().second;
  first_bad_step_ = at::full({}, -1, any.options().dtype(at::kLong).requires_grad(false));
}

bool Trainer::resume() {
  const auto checkpoint = read_latest_checkpoint(run_dir_);
  if (!checkpoint) return false;
  refuse_other_config(checkpoint->config, config_to_json(config_), "train");
  refuse_other_config(checkpoint->identity, unit_.identity(), unit_.name());
  const c10::NoGradGuard no_grad;
  for (const auto& group : optimizer_.groups())
    for (const auto& [name, parameter] : group.parameters) {
      const auto saved = checkpoint->model.find(name);
      LT_CHECK(saved != checkpoint->model.end(), CheckpointError, "[resume] the checkpoint has no parameter {}", name);
      LT_CHECK(saved->second.sizes() == parameter.sizes(), CheckpointError, "[resume] parameter {} has another shape", name);
      parameter.copy_(saved->second);
    }
  optimizer_.load_state(checkpoint->optimizer);
  ema_.load_state(checkpoint->ema, checkpoint->ema_updates);
  unit_.load_extra_state(checkpoint->extra);
  step_ = checkpoint->step;
  seconds_before_ = checkpoint->seconds;
  log_info("resumed at step {} of {}", step_, config_.steps);
  return true;
}

double Trainer::elapsed_seconds() const { return seconds_before_ + (seconds_now_ ? seconds_now_() : 0); }

void Trainer::train_step(MetricBag& metrics) {
  at::manual_seed(mix_seed(static_cast<uint64_t>(config_.seed), kStepStream, static_cast<uint64_t>(step_)));
  unit_.before_step(step_);
  optimizer_.zero_grad();
  at::Tensor loss_sum;
  for (int64_t micro = 0; micro < config_.accumulate; ++micro) {
    const auto loss = unit_.training_loss(step_, micro, metrics) / static_cast<double>(config_.accumulate);
    loss.backward();
    loss_sum = loss_sum.defined() ? loss_sum + loss.detach() : loss.detach();
  }
  const auto norm = optimizer_.clip_gradients(config_.clip_norm);
  const c10::NoGradGuard no_grad;
  const auto bad = at::isfinite(loss_sum.to(norm.device())).logical_and(at::isfinite(norm)).logical_not();
  first_bad_step_ = at::where(bad.logical_and(first_bad_step_ < 0), at::full_like(first_bad_step_, step_), first_bad_step_);
  const double factor = lr_factor(config_.lr_schedule, step_, config_.steps, config_.warmup_steps, config_.final_lr_factor);
  optimizer_.step(
      [&](const ParameterGroup& group) {
        if (!unit_.group_steps(group.name, step_)) return -1.0;
        return group.lr.value_or(config_.lr * group.lr_scale) * (group.constant_lr ? 1.0 : factor);
      },
      bad.to(at::kFloat));
  unit_.after_step(step_, metrics);
  ema_.update();
  metrics.add("loss", loss_sum);
  metrics.add("grad_norm", norm);
  metrics.add("lr", config_.lr * factor);
}

void Trainer::check_finite() {
  const int64_t bad = first_bad_step_.item<int64_t>();
  if (bad < 0) return;
  const auto last = latest_checkpoint_folder(run_dir_);
  throw Error(fmt::format("[train] loss or gradient norm is not finite at step {}. {}. Try a lower learning rate or a "
                          "smaller clip_norm.",
                          bad,
                          last ? "The last good checkpoint is " + last->string() : std::string("No checkpoint was written yet")));
}

void Trainer::log_point(MetricBag& metrics, MetricsLog& log, ProgressBar& progress) {
  const auto means = metrics.flush();
  log.write(step_, elapsed_seconds(), means);
  check_finite();
  const auto note = unit_.progress_note();
  progress.update(step_, fmt::format("loss {:.4g}{}{}", means.at("loss"), note.empty() ? "" : "  ", note));
}

void Trainer::save() {
  check_finite();
  TrainCheckpoint checkpoint;
  checkpoint.step = step_;
  checkpoint.ema_updates = ema_.num_updates();
  checkpoint.seconds = elapsed_seconds();
  checkpoint.config = config_to_json(config_);
  checkpoint.identity = unit_.identity();
  for (const auto& group : optimizer_.groups())
    for (const auto& [name, parameter] : group.parameters) checkpoint.model[name] = parameter.detach();
  checkpoint.optimizer = optimizer_.state();
  checkpoint.ema = ema_.state();
  checkpoint.extra = unit_.extra_state();
  save_train_checkpoint(run_dir_, checkpoint, config_.keep_last);
}

void Trainer::preview() {
  const fs::path folder = run_dir_ / "previews" / fmt::format("step_{:08}", step_);
  fs::create_directories(folder);
  const c10::NoGradGuard no_grad;
  ema_.swap();
  try {
    unit_.preview(step_, folder);
  } catch (...) {
    ema_.swap();
    throw;
  }
  ema_.swap();
}

TrainResult Trainer::run() {
  fs::create_directories(run_dir_);
  const auto begin = std::chrono::steady_clock::now();
  seconds_now_ = [begin] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  const StopSignal stop;
  MetricsLog log(run_dir_, step_ + 1);
  MetricBag metrics;
  ProgressBar progress(unit_.name(), config_.steps, step_);
  int64_t saved_step = step_;
  while (step_ < config_.steps && !stop.requested()) {
    train_step(metrics);
    ++step_;
    if (step_ % config_.log_every == 0 || step_ == config_.steps) log_point(metrics, log, progress);
    if (config_.save_every > 0 && step_ % config_.save_every == 0) {
      save();
      saved_step = step_;
    }
    if (config_.preview_every > 0 && step_ % config_.preview_every == 0) preview();
  }
  if (saved_step != step_) save();
  if (step_ == config_.steps) return TrainResult::kFinished;
  log_warning("stopped by a signal at step {} of {}; everything is saved in {}: run again with --resume to go on", step_,
              config_.steps, run_dir_.string());
  return TrainResult::kInterrupted;
}

}  // namespace lintorch::train
