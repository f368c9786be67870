#include "lintorch/linvideo/config.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"

namespace lintorch::linvideo {

namespace {

template <class T>
void check(bool ok, const std::string& path, const char* name, const char* expected, const T& got) {
  LT_CHECK(ok, ConfigError, "{}: expected {}, got {}", lintorch::detail::join_path(path, name), expected, got);
}

}  // namespace

void CollectConfig::validate(const std::string& path) const {
  check(num_trajectories >= 0, path, "num_trajectories", "0 or more", num_trajectories);
  check(!frames || *frames > 0, path, "frames", "1 or more", frames.value_or(0));
  check(!sampler || *sampler != diffusion::SamplerKind::kRenoise, path, "sampler", "euler or unipc", "renoise");
  check(!steps || *steps > 0, path, "steps", "1 or more", steps.value_or(0));
  check(!shift || *shift > 0, path, "shift", "a number above 0", shift.value_or(0));
  check(!guidance || *guidance >= 0, path, "guidance", "0 or more", guidance.value_or(0));
  check(storage_dtype == "fp32" || storage_dtype == "bf16" || storage_dtype == "fp16", path, "storage_dtype",
        "fp32|fp16|bf16", storage_dtype);
  check(batch_size > 0, path, "batch_size", "1 or more", batch_size);
  check(trajectories_per_shard > 0, path, "trajectories_per_shard", "1 or more", trajectories_per_shard);
  check(dtype == "fp32" || dtype == "bf16", path, "dtype", "fp32|bf16", dtype);
}

void SelectiveTransferConfig::validate(const std::string& path) const {
  check(target >= 0, path, "target", "0 or more", target);
  check(linear_layers.empty() || selection == SelectionKind::kManual, path, "linear_layers",
        "an empty list unless selection is manual", linear_layers.size());
  check(init >= 0 && init <= 1, path, "init", "a value in [0,1]", init);
  check(init_noise >= 0 && init_noise < 0.5, path, "init_noise", "a value in [0,0.5)", init_noise);
  check(init_spread >= 0 && init_spread <= 1, path, "init_spread", "a value in [0,1]", init_spread);
  check(init_spread == 0 || selection == SelectionKind::kLearned, path, "init_spread", "0 unless selection is learned",
        init_spread);
  check(lr > 0, path, "lr", "a number above 0", lr);
  check(lambda >= 0, path, "lambda", "0 or more", lambda);
  check(alpha_start > 0, path, "alpha_start", "a number above 0", alpha_start);
  check(alpha_end > 0, path, "alpha_end", "a number above 0", alpha_end);
  check(alpha_fraction > 0 && alpha_fraction <= 1, path, "alpha_fraction", "a value in (0,1]", alpha_fraction);
  check(freeze_fraction > 0 && freeze_fraction <= 1, path, "freeze_fraction", "a value in (0,1]", freeze_fraction);
  check(!gate_margin || *gate_margin >= 0, path, "gate_margin", "0 or more", gate_margin.value_or(0));
  check(measured_states > 0, path, "measured_states", "1 or more", measured_states);
}

void AdmConfig::validate(const std::string& path) const {
  check(euler_step >= 0 && euler_step < 1, path, "euler_step", "a value in [0,1)", euler_step);
  check(min_t > 0 && min_t < 1, path, "min_t", "a value in (0,1)", min_t);
  check(max_t > min_t && max_t < 1, path, "max_t", "a value in (min_t,1)", max_t);
  check(scale > 0, path, "scale", "a number above 0", scale);
  check(score_ema_decay > 0 && score_ema_decay < 1, path, "score_ema_decay", "a value in (0,1)", score_ema_decay);
}

void DmdConfig::validate(const std::string& path) const {
  check(min_t > 0 && min_t < 1, path, "min_t", "a value in (0,1)", min_t);
  check(max_t > min_t && max_t < 1, path, "max_t", "a value in (min_t,1)", max_t);
  check(scale > 0, path, "scale", "a number above 0", scale);
}

void ScoreNetworkConfig::validate(const std::string& path) const {
  check(lr > 0, path, "lr", "a number above 0", lr);
  check(updates > 0, path, "updates", "1 or more", updates);
}

void ObjectiveConfig::validate(const std::string& path) const {
  check(mse_anchor >= 0, path, "mse_anchor", "0 or more", mse_anchor);
  check(feature_weight >= 0, path, "feature_weight", "0 or more", feature_weight);
  check(pool_size > 0, path, "pool_size", "1 or more", pool_size);
  check(prompt_drop >= 0 && prompt_drop <= 1, path, "prompt_drop", "a value in [0,1]", prompt_drop);
}

void WarmupConfig::validate(const std::string& path) const { check(steps >= 0, path, "steps", "0 or more", steps); }

void LoraConfig::validate(const std::string& path) const {
  check(rank > 0, path, "rank", "1 or more", rank);
  check(alpha > 0, path, "alpha", "a number above 0", alpha);
  check(!modules.empty(), path, "modules", "at least one linear layer", "none");
}

void ValidationConfig::validate(const std::string& path) const {
  check(every >= 0, path, "every", "0 or more", every);
  check(trajectories >= 0, path, "trajectories", "0 or more", trajectories);
  check(states >= 0, path, "states", "0 or more", states);
}

void PreviewConfig::validate(const std::string& path) const { check(steps > 0, path, "steps", "1 or more", steps); }

void LinearizeConfig::validate(const std::string& path) const {
  check(feature_map_lr > 0, path, "feature_map_lr", "a number above 0", feature_map_lr);
  check(backbone_weight_decay >= 0, path, "backbone_weight_decay", "0 or more", backbone_weight_decay);
  check(batch_size > 0, path, "batch_size", "1 or more", batch_size);
  check(frozen_dtype == "fp32" || frozen_dtype == "bf16", path, "frozen_dtype", "fp32|bf16", frozen_dtype);
}

at::ScalarType LinearizeConfig::load_dtype() const {
  const bool starts_from_weights = trainable == TrainableKind::kAll || trainable == TrainableKind::kAttention;
  return starts_from_weights ? at::kFloat : dtype_from_name(frozen_dtype);
}

void ExportConfig::validate(const std::string& path) const {
  check(!dtype || *dtype == "bf16" || *dtype == "fp16" || *dtype == "fp32", path, "dtype", "bf16|fp32|fp16",
        dtype.value_or(""));
  check(max_shard_bytes >= 0, path, "max_shard_bytes", "0 or more", max_shard_bytes);
}

}  // namespace lintorch::linvideo
