#include "lintorch/train/optimizer.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/unbind.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <map>
#include <set>

#include "lintorch/core/error.h"

namespace lintorch::train {

namespace {

// The fused update takes tensors of one dtype.
struct UpdateLists {
  std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs, steps;
};

}  // namespace

Optimizer::Optimizer(std::vector<ParameterGroup> groups, const TrainerConfig& config, bool layout_follows)
    : groups_(std::move(groups)),
      beta1_(config.betas.at(0)),
      beta2_(config.betas.at(1)),
      eps_(config.eps),
      weight_decay_(config.weight_decay),
      clip_norm_(config.clip_norm) {
  LT_CHECK(!groups_.empty(), Error, "[Optimizer] expected at least one parameter group");
  std::set<std::string> names, group_names;
  std::optional<c10::Device> device;
  for (const auto& group : groups_) {
    LT_CHECK(group_names.insert(group.name).second, Error, "[Optimizer] group {} appears twice", group.name);
    LT_CHECK(!group.parameters.empty(), Error, "[Optimizer] group {} has no parameters", group.name);
    for (const auto& [name, parameter] : group.parameters) {
      LT_CHECK(names.insert(name).second, Error, "[Optimizer] parameter {} appears twice", name);
      LT_CHECK(parameter.is_leaf() && parameter.requires_grad(), Error, "[Optimizer] {} is not a trainable leaf", name);
      LT_CHECK(parameter.scalar_type() == at::kFloat || parameter.scalar_type() == at::kDouble, Error,
               "[Optimizer] {} is {}, expected fp32 (or fp64): low precision comes from autocast", name,
               c10::toString(parameter.scalar_type()));
      LT_CHECK(!device || *device == parameter.device(), Error, "[Optimizer] {} is on {}, other parameters on {}", name,
               parameter.device().str(), device->str());
      device = parameter.device();
    }
  }
  whole_ = std::make_unique<ParameterLayout>(groups_);
  layout_ = whole_.get();
  if (!layout_follows) make_states();
}

void Optimizer::set_layout(ParameterLayout& layout) {
  layout_ = &layout;
  make_states();
}

void Optimizer::make_states() {
  states_.clear();
  for (size_t g = 0; g < groups_.size(); ++g) {
    GroupState state;
    const auto& parameters = groups_[g].parameters;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const at::Tensor values = layout_->values(g, i);
      state.exp_avgs.push_back(values.defined() ? at::zeros_like(values).requires_grad_(false) : at::Tensor());
      state.exp_avg_sqs.push_back(values.defined() ? at::zeros_like(values).requires_grad_(false) : at::Tensor());
    }
    state.steps = at::zeros({static_cast<int64_t>(parameters.size())},
                            at::TensorOptions(parameters.front().second.device()).dtype(at::kFloat));
    state.step_views = at::unbind(state.steps);
    states_.push_back(std::move(state));
  }
}

at::Tensor Optimizer::gradient_norm(const std::vector<bool>& stepping) const {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  bool any = false;
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (!stepping[g]) continue;
    for (size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      if (!layout_->has_gradient(g, i)) continue;
      any = true;
      if (const at::Tensor gradient = layout_->gradient(g, i); gradient.defined()) gradients.push_back(gradient);
    }
  }
  LT_CHECK(any, Error, "[Optimizer] no parameter that steps has a gradient");
  at::Tensor norm = states_.front().steps.new_zeros({});
  if (!gradients.empty()) {
    auto norms = at::_foreach_norm(gradients);
    for (auto& part : norms) part = part.to(at::kFloat);
    norm = at::linalg_vector_norm(at::stack(norms));
  }
  return layout_->sharded() ? layout_->sum(norm.square()).sqrt() : norm;
}

void Optimizer::step(const std::vector<bool>& stepping, const std::function<double(const ParameterGroup&)>& lr_of,
                     const at::Tensor& norm, const at::Tensor& skip) {
  const c10::NoGradGuard no_grad;
  // The fused update divides gradients by this.
  at::Tensor grad_scale;
  if (clip_norm_ > 0) grad_scale = norm.add(1e-6).div_(clip_norm_).clamp_min_(1.0);
  for (size_t g = 0; g < groups_.size(); ++g)
    if (stepping[g]) step_group(g, lr_of(groups_[g]), grad_scale, skip);
  layout_->publish(stepping);
}

void Optimizer::step_group(size_t g, double lr, const at::Tensor& grad_scale, const at::Tensor& skip) {
  const ParameterGroup& group = groups_[g];
  GroupState& state = states_[g];
  std::map<at::ScalarType, UpdateLists> by_dtype;
  std::vector<at::Tensor> counted;
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    if (!layout_->has_gradient(g, i)) continue;
    counted.push_back(state.step_views[i]);
    const at::Tensor values = layout_->values(g, i);
    if (!values.defined()) continue;
    auto& lists = by_dtype[values.scalar_type()];
    lists.parameters.push_back(values);
    lists.gradients.push_back(layout_->gradient(g, i));
    lists.exp_avgs.push_back(state.exp_avgs[i]);
    lists.exp_avg_sqs.push_back(state.exp_avg_sqs[i]);
    lists.steps.push_back(state.step_views[i]);
  }
  if (counted.size() == group.parameters.size())
    state.steps.add_(1).sub_(skip);
  else if (!counted.empty())
    at::_foreach_add_(counted, 1 - skip);
  const std::optional<at::Tensor> scale = grad_scale.defined() ? std::optional(grad_scale) : std::nullopt;
  for (auto& [dtype, lists] : by_dtype) {
    at::_fused_adamw_(lists.parameters, lists.gradients, lists.exp_avgs, lists.exp_avg_sqs, {}, lists.steps, lr, beta1_,
                      beta2_, group.weight_decay.value_or(weight_decay_), eps_, /*amsgrad=*/false, /*maximize=*/false,
                      scale, /*found_inf=*/skip);
    if (group.min_value) at::_foreach_clamp_min_(lists.parameters, *group.min_value);
    if (group.max_value) at::_foreach_clamp_max_(lists.parameters, *group.max_value);
  }
}

void Optimizer::zero_grad() {
  for (auto& group : groups_)
    for (auto& [name, parameter] : group.parameters) parameter.mutable_grad().reset();
}

TensorMap Optimizer::state() const {
  TensorMap tensors;
  for (size_t g = 0; g < groups_.size(); ++g) {
    tensors["step/" + groups_[g].name] = states_[g].steps;
    const auto exp_avgs = layout_->whole(g, states_[g].exp_avgs);
    const auto exp_avg_sqs = layout_->whole(g, states_[g].exp_avg_sqs);
    for (size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const auto& name = groups_[g].parameters[i].first;
      tensors["exp_avg/" + name] = exp_avgs[i];
      tensors["exp_avg_sq/" + name] = exp_avg_sqs[i];
    }
  }
  return tensors;
}

void Optimizer::load_state(const TensorMap& saved) {
  const c10::NoGradGuard no_grad;
  const auto find = [&](const std::string& name, at::IntArrayRef shape) -> const at::Tensor& {
    const auto it = saved.find(name);
    LT_CHECK(it != saved.end(), CheckpointError, "[Optimizer] the checkpoint has no optimizer state {}", name);
    LT_CHECK(it->second.sizes() == shape, CheckpointError, "[Optimizer] state {} has another shape", name);
    return it->second;
  };
  for (size_t g = 0; g < groups_.size(); ++g) {
    states_[g].steps.copy_(find("step/" + groups_[g].name, states_[g].steps.sizes()));
    for (size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const auto& [name, parameter] = groups_[g].parameters[i];
      const at::Tensor& exp_avg = find("exp_avg/" + name, parameter.sizes());
      const at::Tensor& exp_avg_sq = find("exp_avg_sq/" + name, parameter.sizes());
      if (!states_[g].exp_avgs[i].defined()) continue;
      states_[g].exp_avgs[i].copy_(layout_->piece(g, i, exp_avg));
      states_[g].exp_avg_sqs[i].copy_(layout_->piece(g, i, exp_avg_sq));
    }
  }
}

}  // namespace lintorch::train
