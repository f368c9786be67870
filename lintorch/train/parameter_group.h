#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lintorch::train {

/// Parameters that share a learning rate and treatment. Names are unique over all groups of a unit; they are the keys
/// of the training checkpoint.
struct ParameterGroup {
  std::string name;
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  double lr_scale = 1.0;               ///< factor on the trainer's learning rate
  std::optional<double> lr;            ///< absolute peak learning rate instead; still follows the schedule
  std::optional<double> weight_decay;  ///< instead of the trainer's
  bool constant_lr = false;            ///< ignore warm-up and schedule
  bool ema = true;                     ///< keep an exponential moving average
  std::optional<double> min_value;     ///< clamp after every step
  std::optional<double> max_value;
};

}  // namespace lintorch::train
