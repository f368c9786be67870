#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lintorch/core/enum_names.h"
#include "lintorch/train/alarms.h"
#include "lintorch/train/lr_schedule.h"

namespace lintorch::train {

/// What the ranks of a job share out instead of each keeping all of it: nothing, the optimizer's state (ZeRO stage 1), or
/// that and the gradients (stage 2).
enum class ShardKind { kNone, kOptimizer, kGradients };

/// The loop: length, optimizer, EMA, and how often things are written.
struct TrainerConfig {
  int64_t steps = 3000;
  int64_t accumulate = 1;
  double lr = 1e-5;
  int64_t warmup_steps = 0;
  LrScheduleKind lr_schedule = LrScheduleKind::kConstant;
  double final_lr_factor = 0.0;
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0.01;
  double clip_norm = 1.0;
  double ema_decay = 0.0;
  int64_t ema_start = 0;
  int64_t max_nonfinite = 0;
  AlarmConfig alarms;
  int64_t max_rollbacks = 0;
  double rollback_lr_factor = 0.5;
  ShardKind shard = ShardKind::kNone;
  int64_t bucket_mb = 64;
  std::string precision = "fp32";
  bool deterministic = false;
  int64_t seed = 0;
  int64_t log_every = 10;
  int64_t save_every = 500;
  int64_t keep_last = 2;
  int64_t keep_every = 0;
  int64_t preview_every = 0;

  template <class V>
  void visit(V& v) {
    v("steps", steps, "optimizer steps");
    v("accumulate", accumulate,
      "micro-batches per step of all ranks together, a multiple of the ranks; their gradients are averaged");
    v("lr", lr, "peak learning rate");
    v("warmup_steps", warmup_steps, "steps of linear warm-up");
    v("lr_schedule", lr_schedule, "learning rate after the warm-up");
    v("final_lr_factor", final_lr_factor, "linear, cosine: share of lr left at the last step");
    v("betas", betas, "AdamW beta1, beta2");
    v("eps", eps, "AdamW epsilon");
    v("weight_decay", weight_decay, "decoupled weight decay, where a parameter group sets none");
    v("clip_norm", clip_norm, "largest global gradient norm; 0 = no clipping");
    v("ema_decay", ema_decay, "decay of the weight average, in [0,1); 0 = none");
    v("ema_start", ema_start, "steps before the weight average starts");
    v("max_nonfinite", max_nonfinite,
      "steps with a non-finite loss or gradient that are left out before there is an alarm");
    v("alarms", alarms);
    v("max_rollbacks", max_rollbacks,
      "alarms that are answered by going back to the last good checkpoint, in the whole run; the next one ends it");
    v("rollback_lr_factor", rollback_lr_factor,
      "factor on the learning rate after each roll-back, in (0,1]; groups with a constant rate keep theirs");
    v("shard", shard, "what several ranks share out instead of each keeping it");
    v("bucket_mb", bucket_mb, "several ranks: gradients are summed in pieces of this many MB, during the backward");
    v("precision", precision, "fp32, or bf16: autocast on a GPU (weights stay fp32)");
    v("deterministic", deterministic, "the same bits in every run on a GPU too, also of a resumed one; slower");
    v("seed", seed, "seed of data and noise");
    v("log_every", log_every, "steps between two log points");
    v("save_every", save_every, "steps between two checkpoints; the last step is always saved; 0 = only the last");
    v("keep_last", keep_last, "newest checkpoints kept");
    v("keep_every", keep_every, "checkpoints at multiples of this many steps are kept for good; 0 = none");
    v("preview_every", preview_every, "steps between two previews; 0 = none");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

}  // namespace lintorch::train

template <>
struct lintorch::EnumNames<lintorch::train::ShardKind> {
  using E = lintorch::train::ShardKind;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kNone, "none"}, {E::kOptimizer, "optimizer"}, {E::kGradients, "gradients"}};
};
