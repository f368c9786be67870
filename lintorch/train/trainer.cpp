#include "lintorch/train/trainer.h"

#include <ATen/Context.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/rng.h"
#include "lintorch/train/autocast.h"
#include "lintorch/train/metrics_log.h"
#include "lintorch/train/resume_check.h"
#include "lintorch/train/stop_signal.h"

namespace lintorch::train {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kStepStream = 0x73746570;  // "step"

TrainerConfig validated(TrainerConfig config) {
  config.validate("train");
  return config;
}

// Ema weights are in place while it lives.
class EmaScope {
 public:
  explicit EmaScope(Ema& ema) : ema_(ema) { ema_.swap(); }
  ~EmaScope() { ema_.swap(); }
  EmaScope(const EmaScope&) = delete;
  EmaScope& operator=(const EmaScope&) = delete;

 private:
  Ema& ema_;
};

}  // namespace

Trainer::Trainer(TrainerConfig config, TrainUnit& unit, fs::path run_dir)
    : config_(validated(std::move(config))),
      unit_(unit),
      run_dir_(std::move(run_dir)),
      optimizer_(unit.parameter_groups(), config_),
      ema_(optimizer_.groups(), config_.ema_decay),
      device_(optimizer_.groups().front().parameters.front().second.device()),
      guard_(device_, 0) {}

bool Trainer::resume() {
  const auto checkpoint = read_latest_checkpoint(run_dir_);
  if (!checkpoint) return false;
  check_same_trainer_config(checkpoint->config, config_to_json(config_));
  check_same_identity(checkpoint->identity, unit_.identity(), unit_.name());
  const c10::NoGradGuard no_grad;
  for (const auto& group : optimizer_.groups())
    for (const auto& [name, parameter] : group.parameters) {
      const auto saved = checkpoint->model.find(name);
      LT_CHECK(saved != checkpoint->model.end(), CheckpointError, "[resume] the checkpoint has no parameter {}", name);
      LT_CHECK(saved->second.sizes() == parameter.sizes(), CheckpointError, "[resume] parameter {} has another shape",
               name);
      parameter.copy_(saved->second);
    }
  optimizer_.load_state(checkpoint->optimizer);
  ema_.load_state(checkpoint->ema, checkpoint->ema_updates);
  unit_.load_extra_state(checkpoint->extra);
  step_ = checkpoint->step;
  seconds_before_ = checkpoint->seconds;
  resumed_ = true;
  log_info("resumed at step {} of {}", step_, config_.steps);
  return true;
}

double Trainer::elapsed_seconds() const {
  if (!run_begin_) return seconds_before_;
  return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - *run_begin_).count();
}

at::Tensor Trainer::forward(int64_t micro_step, MetricBag& metrics) {
  const AutocastScope autocast(device_, autocast_dtype(config_.precision, device_));
  return unit_.training_loss(step_, micro_step, metrics);
}

// Mean loss of the micro-batches, detached.
at::Tensor Trainer::accumulate_gradients(MetricBag& metrics) {
  at::Tensor sum;
  for (int64_t micro = 0; micro < config_.accumulate; ++micro) {
    const auto loss = forward(micro, metrics);
    LT_CHECK(loss.dim() == 0, Error, "[train] {}: expected a scalar loss, got {} dimensions", unit_.name(), loss.dim());
    if (!backward_seed_.defined())
      backward_seed_ = at::full({}, 1.0 / static_cast<double>(config_.accumulate), loss.options().requires_grad(false));
    loss.backward(backward_seed_.to(loss.scalar_type()));
    sum = sum.defined() ? sum + loss.detach() : loss.detach();
  }
  return config_.accumulate == 1 ? sum : sum / static_cast<double>(config_.accumulate);
}

void Trainer::train_step(MetricBag& metrics) {
  at::manual_seed(mix_seed(static_cast<uint64_t>(config_.seed), kStepStream, static_cast<uint64_t>(step_)));
  unit_.before_step(step_);
  optimizer_.zero_grad();
  const auto loss = accumulate_gradients(metrics);

  const c10::NoGradGuard no_grad;
  std::vector<bool> stepping;
  for (const auto& group : optimizer_.groups()) stepping.push_back(unit_.group_steps(group.name, step_));
  const auto norm = optimizer_.gradient_norm(stepping);
  const auto& skip = guard_.observe(loss, norm);
  const double factor =
      lr_factor(config_.lr_schedule, step_, config_.steps, config_.warmup_steps, config_.final_lr_factor);
  const auto lr_of = [&](const ParameterGroup& group) {
    return group.lr.value_or(config_.lr * group.lr_scale) * (group.constant_lr ? 1.0 : factor);
  };
  optimizer_.step(stepping, lr_of, norm, skip);
  unit_.after_step(step_, metrics);
  if (step_ >= config_.ema_start) ema_.update(stepping);
  metrics.add("loss", loss);
  metrics.add("grad_norm", norm);
  metrics.add("lr", config_.lr * factor);
}

void Trainer::check_finite() const {
  const auto report = guard_.report();
  if (report.count <= config_.max_nonfinite) return;
  const auto last = latest_checkpoint_folder(run_dir_);
  throw Error(fmt::format(
      "[train] {}: not finite at step {}: loss {}, gradient norm {} ({} such steps so far, {} allowed). {}. "
      "Try a lower learning rate or a smaller clip_norm",
      unit_.name(), report.first_step, report.loss, report.norm, report.count, config_.max_nonfinite,
      last ? "The last good checkpoint is " + last->string() : "No checkpoint was written yet"));
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
  const EmaScope averaged(ema_);
  unit_.preview(step_, folder);
}

TrainResult Trainer::run() {
  if (!resumed_ && step_ == 0) {
    const auto earlier = latest_checkpoint_folder(run_dir_);
    LT_CHECK(!earlier, ConfigError,
             "[train] {} is there already, from an earlier run: resume that run or use another folder",
             earlier->string());
  }
  fs::create_directories(run_dir_);
  run_begin_ = std::chrono::steady_clock::now();
  guard_ = NonfiniteGuard(device_, step_);
  const StopSignal stop;
  MetricsLog log(run_dir_, step_ + 1);
  MetricBag metrics;
  ProgressBar progress(unit_.name(), config_.steps, step_);
  int64_t saved_step = step_;
  while (step_ < config_.steps && !stop.requested()) {
    train_step(metrics);
    ++step_;
    if (step_ % config_.log_every == 0 || step_ == config_.steps || stop.requested()) log_point(metrics, log, progress);
    if (config_.save_every > 0 && step_ % config_.save_every == 0) {
      save();
      saved_step = step_;
    }
    if (config_.preview_every > 0 && step_ % config_.preview_every == 0) preview();
  }
  if (saved_step != step_) save();
  seconds_before_ = elapsed_seconds();
  run_begin_.reset();
  if (step_ >= config_.steps) return TrainResult::kFinished;
  log_warning(
      "stopped by a signal at step {} of {}; everything is saved in {}: run again with the same settings to go on",
      step_, config_.steps, run_dir_.string());
  return TrainResult::kInterrupted;
}

}  // namespace lintorch::train
