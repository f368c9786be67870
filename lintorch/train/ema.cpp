#include "lintorch/train/ema.h"

#include <ATen/ops/_foreach_lerp.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "lintorch/core/error.h"

namespace lintorch::train {

Ema::Ema(const std::vector<ParameterGroup>& groups, double decay) : decay_(decay) {
  if (!enabled()) return;
  for (const auto& group : groups) {
    if (!group.ema) continue;
    for (const auto& [name, parameter] : group.parameters) {
      names_.push_back(name);
      parameters_.push_back(parameter);
      averages_.push_back(parameter.detach().clone());
    }
  }
}

void Ema::update() {
  if (!enabled()) return;
  const c10::NoGradGuard no_grad;
  const double decay = std::min(decay_, (1.0 + static_cast<double>(num_updates_)) / (10.0 + static_cast<double>(num_updates_)));
  at::_foreach_lerp_(averages_, parameters_, at::Scalar(1.0 - decay));
  ++num_updates_;
}

TensorMap Ema::state() const {
  TensorMap tensors;
  for (size_t i = 0; i < names_.size(); ++i) tensors[names_[i]] = averages_[i];
  return tensors;
}

void Ema::load_state(const TensorMap& state, int64_t num_updates) {
  const c10::NoGradGuard no_grad;
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto it = state.find(names_[i]);
    LT_CHECK(it != state.end(), CheckpointError, "[Ema] the checkpoint has no average of {}", names_[i]);
    LT_CHECK(it->second.sizes() == averages_[i].sizes(), CheckpointError, "[Ema] the average of {} has another shape", names_[i]);
    averages_[i].copy_(it->second);
  }
  num_updates_ = num_updates;
}

void Ema::swap() {
  const c10::NoGradGuard no_grad;
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto live = parameters_[i].clone();
    parameters_[i].copy_(averages_[i]);
    averages_[i].copy_(live);
  }
}

}  // namespace lintorch::train
