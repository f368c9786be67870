#include "lintorch/train/trainer.h"

#include <ATen/Context.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/device.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/rng.h"
#include "lintorch/train/deterministic.h"
#include "lintorch/train/metrics_log.h"
#include "lintorch/train/resume_check.h"
#include "lintorch/train/rollback.h"
#include "lintorch/train/run_lock.h"
#include "lintorch/train/stop_signal.h"
#include "lintorch/train/timed_part.h"

namespace lintorch::train {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kStepStream = 0x73746570;      // "step"
constexpr uint64_t kRollbackStream = 0x6261636b;  // "back"
constexpr uint64_t kMicroStream = 0x6d696372;     // "micr"

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

Trainer::Trainer(TrainerConfig config, TrainUnit& unit, fs::path run_dir, dist::Group* ranks)
    : config_(validated(std::move(config))),
      unit_(unit),
      run_dir_(std::move(run_dir)),
      ranks_(ranks),
      optimizer_(unit.parameter_groups(), config_, /*layout_follows=*/ranks != nullptr),
      ema_(optimizer_.groups(), config_.ema_decay),
      device_(optimizer_.groups().front().parameters.front().second.device()),
      guard_(device_, 0),
      watch_(config_.alarms) {
  LT_CHECK(config_.accumulate % num_ranks() == 0, ConfigError,
           "train.accumulate: expected a multiple of the {} ranks, which share out the micro-batches of a step, got {}",
           num_ranks(), config_.accumulate);
  if (config_.deterministic) use_deterministic_algorithms();
  unit_.prepare({config_.accumulate, ranks_});
  if (ranks_)
    buckets_ =
        std::make_unique<GradientBuckets>(optimizer_.groups(), *ranks_, config_.shard, config_.bucket_mb * 1000000);
  // Weights that were converted, shared or moved leave memory in small pieces, which a step's activations do not fit in.
  release_cached_memory(device_);
  if (!ranks_) return;
  optimizer_.set_layout(*buckets_);
  // All start from the bits of rank 0, even where its start was drawn from a generator of its own.
  const c10::NoGradGuard no_grad;
  for (const auto& group : optimizer_.groups())
    for (const auto& [name, parameter] : group.parameters) ranks_->broadcast(parameter.detach(), 0);
  ranks_->wait();
}

bool Trainer::resume() {
  const auto checkpoint = read_latest_checkpoint(run_dir_);
  const auto damaged = latest_checkpoint_folder(run_dir_);
  LT_CHECK(checkpoint || !damaged, CheckpointError,
           "[resume] no checkpoint in {} can be read; the newest is {}. Choose another output folder to begin anew",
           run_dir_.string(), damaged->string());
  if (!checkpoint) return false;
  check_same_trainer_config(checkpoint->config, config_to_json(config_));
  check_same_identity(checkpoint->identity, unit_.identity(), unit_.name());
  load(*checkpoint);
  seconds_before_ = checkpoint->seconds;
  resumed_ = true;
  log_info("resumed at step {} of {}", step_, config_.steps);
  return true;
}

void Trainer::load(const TrainCheckpoint& checkpoint) {
  const c10::NoGradGuard no_grad;
  for (const auto& group : optimizer_.groups())
    for (const auto& [name, parameter] : group.parameters) {
      const auto saved = checkpoint.model.find(name);
      LT_CHECK(saved != checkpoint.model.end(), CheckpointError, "[resume] the checkpoint has no parameter {}", name);
      LT_CHECK(saved->second.sizes() == parameter.sizes(), CheckpointError, "[resume] parameter {} has another shape",
               name);
      parameter.copy_(saved->second);
    }
  optimizer_.load_state(checkpoint.optimizer);
  ema_.load_state(checkpoint.ema, checkpoint.ema_updates);
  unit_.load_extra_state(checkpoint.extra);
  watch_.load_state(checkpoint.watch);
  step_ = checkpoint.step;
}

void Trainer::set_rollbacks(int64_t count) {
  rollbacks_ = count;
  unit_.reseed(count);
}

double Trainer::elapsed_seconds() const {
  if (!run_begin_) return seconds_before_;
  return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - *run_begin_).count();
}

at::Tensor Trainer::forward(int64_t micro_step, MetricBag& metrics) {
  const TimedPart timed(metrics, "forward", device_);
  const AutocastScope autocast = autocast_scope();
  return unit_.training_loss(step_, micro_step, metrics);
}

// Mean loss of the micro-batches, detached.
at::Tensor Trainer::accumulate_gradients(MetricBag& metrics) {
  at::Tensor sum;
  const int64_t ranks = num_ranks();
  for (int64_t micro = ranks_ ? ranks_->rank() : 0; micro < config_.accumulate; micro += ranks) {
    if (micro > 0) seed_default_generators(micro);
    const auto loss = forward(micro, metrics);
    LT_CHECK(loss.dim() == 0, Error, "[train] {}: expected a scalar loss, got {} dimensions", unit_.name(), loss.dim());
    if (!backward_seed_.defined())
      backward_seed_ = at::full({}, 1.0 / static_cast<double>(config_.accumulate), loss.options().requires_grad(false));
    if (buckets_ && micro + ranks >= config_.accumulate) buckets_->begin_last_backward();
    {
      const TimedPart timed(metrics, "backward", device_);
      loss.backward(backward_seed_.to(loss.scalar_type()));
    }
    sum = sum.defined() ? sum + loss.detach() : loss.detach();
  }
  if (ranks_) {
    buckets_->finish();
    sum = sum.clone();
    ranks_->all_reduce(sum);
    ranks_->wait();
  }
  return config_.accumulate == 1 ? sum : sum / static_cast<double>(config_.accumulate);
}

// By micro-batch, so that each draws the same numbers whatever else its process computed before.
void Trainer::seed_default_generators(int64_t micro_step) {
  auto seed = static_cast<uint64_t>(config_.seed);
  if (rollbacks_ > 0) seed = mix_seed(seed, kRollbackStream, static_cast<uint64_t>(rollbacks_));
  if (micro_step > 0) seed = mix_seed(seed, kMicroStream, static_cast<uint64_t>(micro_step));
  at::manual_seed(mix_seed(seed, kStepStream, static_cast<uint64_t>(step_)));
}

void Trainer::train_step(MetricBag& metrics) {
  seed_default_generators(0);
  {
    const AutocastScope autocast = autocast_scope();
    unit_.before_step(step_);
  }
  optimizer_.zero_grad();
  if (buckets_) buckets_->clear();
  const auto loss = accumulate_gradients(metrics);

  const c10::NoGradGuard no_grad;
  const TimedPart timed(metrics, "optimizer", device_);
  std::vector<bool> stepping;
  for (const auto& group : optimizer_.groups()) stepping.push_back(unit_.group_steps(group.name, step_));
  const auto norm = optimizer_.gradient_norm(stepping);
  const auto& skip = guard_.observe(loss, norm);
  const double factor =
      lr_factor(config_.lr_schedule, step_, config_.steps, config_.warmup_steps, config_.final_lr_factor);
  const double scaled = factor * std::pow(config_.rollback_lr_factor, static_cast<double>(rollbacks_));
  const auto lr_of = [&](const ParameterGroup& group) {
    return group.lr.value_or(config_.lr * group.lr_scale) * (group.constant_lr ? 1.0 : scaled);
  };
  optimizer_.step(stepping, lr_of, norm, skip);
  unit_.after_step(step_, metrics);
  if (step_ >= config_.ema_start) ema_.update(stepping);
  metrics.add("loss", loss);
  metrics.add("grad_norm", norm);
  metrics.add("lr", config_.lr * scaled);
}

std::optional<Alarm> Trainer::check_finite() const {
  const auto report = guard_.report();
  if (report.count <= config_.max_nonfinite) return std::nullopt;
  return Alarm{fmt::format("not finite at step {}: loss {}, gradient norm {} ({} such steps so far, {} allowed)",
                           report.first_step, report.loss, report.norm, report.count, config_.max_nonfinite)};
}

std::optional<Alarm> Trainer::log_point(MetricBag& metrics, MetricsLog* log, ProgressBar* progress) {
  const double seconds = elapsed_seconds();
  metrics.add("checkpoint_share", save_seconds_ / std::max(seconds - seconds_before_, 1e-9));
  if (rollbacks_ > 0) metrics.add("rollbacks", static_cast<double>(rollbacks_));
  if (device_.is_cuda()) {
    metrics.add("memory/peak_gb", static_cast<double>(peak_memory_bytes(device_)) / 1e9);
    metrics.add("memory/peak_tensors_gb", static_cast<double>(peak_tensor_bytes(device_)) / 1e9);
  }
  const auto means = metrics.flush(ranks_);
  if (log) log->write(step_, seconds, means);
  if (auto alarm = check_finite()) return alarm;
  if (auto alarm = watch_.observe(unit_.phase(step_ - 1), means)) return alarm;
  if (auto alarm = unit_.check_health(step_, means)) return alarm;
  if (!progress) return std::nullopt;
  const auto note = unit_.progress_note();
  progress->update(step_, fmt::format("loss {:.4g}{}{}", means.at("loss"), note.empty() ? "" : "  ", note));
  return std::nullopt;
}

// Whether the run went back; false for an alarm that is not fatal and finds no roll-back left.
bool Trainer::roll_back(const Alarm& alarm) {
  // Rank 0 may just have written one; nothing changes until all have looked.
  wait_for_ranks();
  const auto folders = checkpoint_folders(run_dir_);
  wait_for_ranks();
  if (rollbacks_ >= config_.max_rollbacks || folders.empty()) {
    if (!alarm.fatal) {
      log_warning("[train] {}: {}", unit_.name(), alarm.reason);
      return false;
    }
    throw Error(fmt::format(
        "[train] {}: {}. {}.{} Try a lower learning rate or a smaller clip_norm", unit_.name(), alarm.reason,
        folders.empty() ? "No checkpoint was written yet" : "The last good checkpoint is " + folders.back().string(),
        rollbacks_ > 0 ? fmt::format(" {} roll-backs did not help.", rollbacks_) : ""));
  }
  if (leads()) {
    const auto earlier = read_rollbacks(run_dir_);
    const bool again = !earlier.empty() && earlier.back().to == checkpoint_step(folders.back());
    if (again && folders.size() > 1) fs::remove_all(folders.back());
  }
  wait_for_ranks();  // the folder is gone for all
  const auto checkpoint = read_latest_checkpoint(run_dir_);
  LT_CHECK(checkpoint, Error, "[train] {}: {}, and no checkpoint can be read", unit_.name(), alarm.reason);
  if (leads()) append_rollback(run_dir_, {step_, checkpoint->step, alarm.reason});
  log_warning(
      "[train] {} at step {}: {}; back to step {} with other noise and the learning rate times {} (roll-back {} of {})",
      unit_.name(), step_, alarm.reason, checkpoint->step, config_.rollback_lr_factor, rollbacks_ + 1,
      config_.max_rollbacks);
  load(*checkpoint);
  set_rollbacks(rollbacks_ + 1);
  guard_ = NonfiniteGuard(device_, step_);
  return true;
}

TrainCheckpoint Trainer::checkpoint() {
  TrainCheckpoint checkpoint;
  checkpoint.step = step_;
  checkpoint.ema_updates = ema_.num_updates();
  checkpoint.seconds = elapsed_seconds();
  checkpoint.config = config_to_json(config_);
  checkpoint.identity = unit_.identity();
  checkpoint.watch = watch_.state();
  for (const auto& group : optimizer_.groups())
    for (const auto& [name, parameter] : group.parameters) checkpoint.model[name] = parameter.detach();
  checkpoint.optimizer = optimizer_.state();
  checkpoint.ema = ema_.state();
  checkpoint.extra = unit_.extra_state();
  return checkpoint;
}

void Trainer::check_disk_space() {
  const auto present = static_cast<int64_t>(checkpoint_folders(run_dir_).size());
  const int64_t added = checkpoints_to_come(config_, config_.steps - step_, present);
  int64_t bytes = 0;
  for (const auto& group : optimizer_.groups())
    for (const auto& [name, parameter] : group.parameters)
      bytes += static_cast<int64_t>(parameter.nbytes()) * (ema_.enabled() && group.ema ? 4 : 3);
  for (const auto& [name, tensor] : unit_.extra_state()) bytes += static_cast<int64_t>(tensor.nbytes());
  if (!leads()) return;
  check_free_space(
      run_dir_, added * bytes,
      fmt::format("{} checkpoints are to come. Make room, choose another output, or lower train.keep_last", added));
}

void Trainer::save() {
  const auto begin = std::chrono::steady_clock::now();
  try {
    const auto state = checkpoint();
    if (leads()) save_train_checkpoint(run_dir_, state, config_.keep_last, config_.keep_every);
  } catch (const std::exception& e) {
    const auto last = latest_checkpoint_folder(run_dir_);
    const bool disk = dynamic_cast<const IoError*>(&e) != nullptr;
    throw IoError(fmt::format(
        "[train] {}: the checkpoint of step {} could not be written: {}. {}", unit_.name(), step_, e.what(),
        last ? fmt::format("The last good one is {}: {}resume", last->string(), disk ? "make room, then " : "")
             : "No checkpoint was written yet"));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  save_seconds_ += seconds;
  log_debug("checkpoint of step {} in {:.2f} s", step_, seconds);
}

void Trainer::preview() {
  if (!leads()) return;
  const fs::path folder = run_dir_ / "previews" / fmt::format("step_{:08}", step_);
  create_folder(folder);
  const c10::NoGradGuard no_grad;
  const EmaScope averaged(ema_);
  const AutocastScope autocast = autocast_scope();
  unit_.preview(step_, folder);
}

TrainResult Trainer::run() {
  if (!resumed_ && step_ == 0) {
    const auto earlier = latest_checkpoint_folder(run_dir_);
    LT_CHECK(!earlier, ConfigError,
             "[train] {} is there already, from an earlier run: resume that run or use another folder",
             earlier->string());
  }
  create_folder(run_dir_);
  std::optional<RunLock> lock;
  if (leads()) lock.emplace(run_dir_);
  if (leads() && !resumed_ && step_ == 0) fs::remove(run_dir_ / "rollbacks.json");
  wait_for_ranks();
  set_rollbacks(static_cast<int64_t>(read_rollbacks(run_dir_).size()));
  check_disk_space();
  run_begin_ = std::chrono::steady_clock::now();
  save_seconds_ = 0;
  guard_ = NonfiniteGuard(device_, step_);
  const StopSignal stop;
  const auto open_log = [&] { return leads() ? std::make_unique<MetricsLog>(run_dir_, step_ + 1) : nullptr; };
  auto log = open_log();
  MetricBag metrics;
  std::optional<ProgressBar> progress;
  if (leads()) progress.emplace(unit_.name(), config_.steps, step_);
  const auto stopping = [&] { return ranks_ ? ranks_->any(stop.requested()) : stop.requested(); };
  int64_t saved_step = step_;
  if (config_.max_rollbacks > 0 && !resumed_ && step_ == 0) save();
  for (bool stopped = stopping(); step_ < config_.steps && !stopped;) {
    train_step(metrics);
    ++step_;
    stopped = stopping();
    const bool save_now = config_.save_every > 0 && step_ % config_.save_every == 0;
    std::optional<Alarm> alarm;
    if (step_ % config_.log_every == 0 || step_ == config_.steps || stopped)
      alarm = log_point(metrics, log.get(), progress ? &*progress : nullptr);
    else if (save_now)
      alarm = check_finite();
    if (alarm && roll_back(*alarm)) {
      metrics.flush();
      log = open_log();
      saved_step = step_;
      continue;
    }
    if (save_now) {
      save();
      saved_step = step_;
    }
    if (config_.preview_every > 0 && step_ % config_.preview_every == 0) preview();
  }
  if (saved_step != step_ && !check_finite()) save();
  report_end();
  seconds_before_ = elapsed_seconds();
  run_begin_.reset();
  if (step_ >= config_.steps) return TrainResult::kFinished;
  if (leads())
    log_warning(
        "stopped by a signal at step {} of {}; everything is saved in {}: "
        "to go on, run again with --resume and the same settings",
        step_, config_.steps, run_dir_.string());
  return TrainResult::kInterrupted;
}

double Trainer::time_steps(int64_t first_step, int64_t count) {
  MetricBag metrics;
  step_ = first_step;
  train_step(metrics);
  synchronize(device_);
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < count; ++i) train_step(metrics);
  synchronize(device_);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / static_cast<double>(count);
}

void Trainer::report_end() const {
  if (!leads()) return;
  const double seconds = elapsed_seconds() - seconds_before_;
  log_info("{} at step {}: {} in this process, {:.2f} % of it writing checkpoints{}", unit_.name(), step_,
           format_duration(seconds), 100 * save_seconds_ / std::max(seconds, 1e-9),
           device_.is_cuda()
               ? fmt::format(", peak memory {:.2f} GB", static_cast<double>(peak_memory_bytes(device_)) / 1e9)
               : "");
}

}  // namespace lintorch::train
