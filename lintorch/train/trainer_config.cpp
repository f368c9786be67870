#include "lintorch/train/trainer_config.h"

#include "lintorch/core/error.h"

namespace lintorch::train {

void TrainerConfig::validate(const std::string& path) const {
  const std::string where = path.empty() ? "" : path + ".";
  LT_CHECK(steps >= 1, ConfigError, "{}steps: expected at least 1, got {}", where, steps);
  LT_CHECK(accumulate >= 1, ConfigError, "{}accumulate: expected at least 1, got {}", where, accumulate);
  LT_CHECK(lr >= 0, ConfigError, "{}lr: expected 0 or more, got {}", where, lr);
  LT_CHECK(warmup_steps >= 0, ConfigError, "{}warmup_steps: expected 0 or more, got {}", where, warmup_steps);
  LT_CHECK(final_lr_factor >= 0 && final_lr_factor <= 1, ConfigError,
           "{}final_lr_factor: expected a value in [0,1], got {}", where, final_lr_factor);
  LT_CHECK(betas.size() == 2 && betas[0] >= 0 && betas[0] < 1 && betas[1] >= 0 && betas[1] < 1, ConfigError,
           "{}betas: expected two values in [0,1)", where);
  LT_CHECK(eps > 0, ConfigError, "{}eps: expected a positive number, got {}", where, eps);
  LT_CHECK(weight_decay >= 0, ConfigError, "{}weight_decay: expected 0 or more, got {}", where, weight_decay);
  LT_CHECK(clip_norm >= 0, ConfigError, "{}clip_norm: expected 0 or more, got {}", where, clip_norm);
  LT_CHECK(ema_decay >= 0 && ema_decay < 1, ConfigError, "{}ema_decay: expected a value in [0,1), got {}", where,
           ema_decay);
  LT_CHECK(ema_start >= 0, ConfigError, "{}ema_start: expected 0 or more, got {}", where, ema_start);
  LT_CHECK(max_nonfinite >= 0, ConfigError, "{}max_nonfinite: expected 0 or more, got {}", where, max_nonfinite);
  LT_CHECK(precision == "fp32" || precision == "bf16", ConfigError, "{}precision: expected fp32 or bf16, got \"{}\"",
           where, precision);
  LT_CHECK(log_every >= 1, ConfigError, "{}log_every: expected at least 1, got {}", where, log_every);
  LT_CHECK(save_every >= 0, ConfigError, "{}save_every: expected 0 or more, got {}", where, save_every);
  LT_CHECK(keep_last >= 1, ConfigError, "{}keep_last: expected at least 1, got {}", where, keep_last);
  LT_CHECK(preview_every >= 0, ConfigError, "{}preview_every: expected 0 or more, got {}", where, preview_every);
}

}  // namespace lintorch::train
