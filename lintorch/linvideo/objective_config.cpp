#include "lintorch/linvideo/objective_config.h"

#include "lintorch/linvideo/config_check.h"

namespace lintorch::linvideo {

void AdmConfig::validate(const std::string& path) const {
  check_field(euler_step >= 0 && euler_step < 1, path, "euler_step", "a value in [0,1)", euler_step);
  check_field(min_t > 0 && min_t < 1, path, "min_t", "a value in (0,1)", min_t);
  check_field(max_t > min_t && max_t < 1, path, "max_t", "a value in (min_t,1)", max_t);
  check_field(scale > 0, path, "scale", "a number above 0", scale);
  check_field(score_ema_decay > 0 && score_ema_decay < 1, path, "score_ema_decay", "a value in (0,1)", score_ema_decay);
}

void DmdConfig::validate(const std::string& path) const {
  check_field(min_t > 0 && min_t < 1, path, "min_t", "a value in (0,1)", min_t);
  check_field(max_t > min_t && max_t < 1, path, "max_t", "a value in (min_t,1)", max_t);
  check_field(scale > 0, path, "scale", "a number above 0", scale);
}

void ScoreNetworkConfig::validate(const std::string& path) const {
  check_field(lr > 0, path, "lr", "a number above 0", lr);
  check_field(updates > 0, path, "updates", "1 or more", updates);
}

void OnlineConfig::validate(const std::string& path) const {
  check_field(!frames || *frames > 0, path, "frames", "1 or more", frames.value_or(0));
  check_field(!steps || *steps > 0, path, "steps", "1 or more", steps.value_or(0));
  check_field(!shift || *shift > 0, path, "shift", "a number above 0", shift.value_or(0));
  check_field(!guidance || *guidance >= 0, path, "guidance", "0 or more", guidance.value_or(0));
  check_field(start_trajectories > 0, path, "start_trajectories", "1 or more", start_trajectories);
}

void ObjectiveConfig::validate(const std::string& path) const {
  check_field(mse_anchor >= 0, path, "mse_anchor", "0 or more", mse_anchor);
  check_field(feature_weight >= 0, path, "feature_weight", "0 or more", feature_weight);
  check_field(pool_size > 0, path, "pool_size", "1 or more", pool_size);
  check_field(prompt_drop >= 0 && prompt_drop <= 1, path, "prompt_drop", "a value in [0,1]", prompt_drop);
}

}  // namespace lintorch::linvideo
