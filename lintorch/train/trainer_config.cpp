#include "lintorch/train/trainer_config.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::train {

void TrainerConfig::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  LT_CHECK(steps >= 1, ConfigError, "{}: expected at least 1, got {}", at("steps"), steps);
  LT_CHECK(accumulate >= 1, ConfigError, "{}: expected at least 1, got {}", at("accumulate"), accumulate);
  LT_CHECK(lr >= 0, ConfigError, "{}: expected 0 or more, got {}", at("lr"), lr);
  LT_CHECK(warmup_steps >= 0, ConfigError, "{}: expected 0 or more, got {}", at("warmup_steps"), warmup_steps);
  LT_CHECK(final_lr_factor >= 0 && final_lr_factor <= 1, ConfigError, "{}: expected a value in [0,1], got {}",
           at("final_lr_factor"), final_lr_factor);
  LT_CHECK(betas.size() == 2 && betas[0] >= 0 && betas[0] < 1 && betas[1] >= 0 && betas[1] < 1, ConfigError,
           "{}: expected two values in [0,1)", at("betas"));
  LT_CHECK(eps > 0, ConfigError, "{}: expected a positive number, got {}", at("eps"), eps);
  LT_CHECK(weight_decay >= 0, ConfigError, "{}: expected 0 or more, got {}", at("weight_decay"), weight_decay);
  LT_CHECK(clip_norm >= 0, ConfigError, "{}: expected 0 or more, got {}", at("clip_norm"), clip_norm);
  LT_CHECK(ema_decay >= 0 && ema_decay < 1, ConfigError, "{}: expected a value in [0,1), got {}", at("ema_decay"),
           ema_decay);
  LT_CHECK(ema_start >= 0, ConfigError, "{}: expected 0 or more, got {}", at("ema_start"), ema_start);
  LT_CHECK(max_nonfinite >= 0, ConfigError, "{}: expected 0 or more, got {}", at("max_nonfinite"), max_nonfinite);
  alarms.validate(at("alarms"));
  LT_CHECK(max_rollbacks >= 0, ConfigError, "{}: expected 0 or more, got {}", at("max_rollbacks"), max_rollbacks);
  LT_CHECK(rollback_lr_factor > 0 && rollback_lr_factor <= 1, ConfigError, "{}: expected a value in (0,1], got {}",
           at("rollback_lr_factor"), rollback_lr_factor);
  LT_CHECK(bucket_mb >= 1, ConfigError, "{}: expected at least 1, got {}", at("bucket_mb"), bucket_mb);
  LT_CHECK(precision == "fp32" || precision == "bf16", ConfigError, "{}: expected fp32 or bf16, got \"{}\"",
           at("precision"), precision);
  LT_CHECK(log_every >= 1, ConfigError, "{}: expected at least 1, got {}", at("log_every"), log_every);
  LT_CHECK(save_every >= 0, ConfigError, "{}: expected 0 or more, got {}", at("save_every"), save_every);
  LT_CHECK(keep_last >= 1, ConfigError, "{}: expected at least 1, got {}", at("keep_last"), keep_last);
  LT_CHECK(keep_every >= 0, ConfigError, "{}: expected 0 or more, got {}", at("keep_every"), keep_every);
  LT_CHECK(preview_every >= 0, ConfigError, "{}: expected 0 or more, got {}", at("preview_every"), preview_every);
}

}  // namespace lintorch::train
