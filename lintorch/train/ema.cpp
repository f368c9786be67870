#include "lintorch/train/ema.h"

#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_lerp.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "lintorch/core/error.h"

namespace lintorch::train {

Ema::Ema(const std::vector<ParameterGroup>& groups, double decay) : decay_(decay) {
  if (!enabled()) return;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!groups[i].ema) continue;
    Group group{.index = i, .name = groups[i].name};
    for (const auto& [name, parameter] : groups[i].parameters) {
      group.names.push_back(name);
      group.parameters.push_back(parameter);
      group.averages.push_back(parameter.detach().clone());
    }
    groups_.push_back(std::move(group));
  }
}

void Ema::update(const std::vector<bool>& stepped) {
  const c10::NoGradGuard no_grad;
  for (auto& group : groups_) {
    if (!stepped[group.index]) continue;
    const auto n = static_cast<double>(group.num_updates);
    if (group.num_updates == 0) {
      at::_foreach_copy_(group.averages, group.parameters);
    } else {
      at::_foreach_lerp_(group.averages, group.parameters, at::Scalar(1.0 - std::min(decay_, (1.0 + n) / (10.0 + n))));
    }
    ++group.num_updates;
  }
}

TensorMap Ema::state() const {
  TensorMap tensors;
  for (const auto& group : groups_)
    for (size_t i = 0; i < group.names.size(); ++i)
      tensors[group.names[i]] = group.num_updates > 0 ? group.averages[i] : group.parameters[i].detach();
  return tensors;
}

std::map<std::string, int64_t> Ema::num_updates() const {
  std::map<std::string, int64_t> counts;
  for (const auto& group : groups_) counts[group.name] = group.num_updates;
  return counts;
}

void Ema::load_state(const TensorMap& state, const std::map<std::string, int64_t>& num_updates) {
  const c10::NoGradGuard no_grad;
  for (auto& group : groups_) {
    const auto count = num_updates.find(group.name);
    LT_CHECK(count != num_updates.end(), CheckpointError, "[Ema] the checkpoint has no averages of the group {}",
             group.name);
    for (size_t i = 0; i < group.names.size(); ++i) {
      const auto it = state.find(group.names[i]);
      LT_CHECK(it != state.end(), CheckpointError, "[Ema] the checkpoint has no average of {}", group.names[i]);
      LT_CHECK(it->second.sizes() == group.averages[i].sizes(), CheckpointError,
               "[Ema] the average of {} has another shape", group.names[i]);
      group.averages[i].copy_(it->second);
    }
    group.num_updates = count->second;
  }
}

void Ema::swap() {
  const c10::NoGradGuard no_grad;
  for (auto& group : groups_) {
    if (group.num_updates == 0) continue;
    for (size_t i = 0; i < group.names.size(); ++i) {
      const auto live = group.parameters[i].detach().clone();
      group.parameters[i].copy_(group.averages[i]);
      group.averages[i].copy_(live);
    }
  }
}

}  // namespace lintorch::train
