#include "lintorch/train/optimizer.h"

#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <set>

#include "lintorch/core/error.h"

namespace lintorch::train {

Optimizer::Optimizer(std::vector<ParameterGroup> groups, const TrainerConfig& config)
    : groups_(std::move(groups)),
      beta1_(config.betas[0]),
      beta2_(config.betas[1]),
      eps_(config.eps),
      weight_decay_(config.weight_decay) {
  std::set<std::string> names;
  for (const auto& group : groups_) {
    GroupState state;
    LT_CHECK(!group.parameters.empty(), Error, "[Optimizer] group {} has no parameters", group.name);
    for (const auto& [name, parameter] : group.parameters) {
      LT_CHECK(names.insert(name).second, Error, "[Optimizer] parameter {} appears twice", name);
      LT_CHECK(parameter.is_leaf() && parameter.requires_grad(), Error, "[Optimizer] {} is not a trainable leaf", name);
      LT_CHECK(parameter.scalar_type() == at::kFloat || parameter.scalar_type() == at::kDouble, Error,
               "[Optimizer] {} is {}, expected fp32 (or fp64): low precision comes from autocast", name,
               c10::toString(parameter.scalar_type()));
      state.exp_avgs.push_back(at::zeros_like(parameter));
      state.exp_avg_sqs.push_back(at::zeros_like(parameter));
    }
    state.step = at::zeros({}, group.parameters.front().second.options().dtype(at::kFloat).requires_grad(false));
    states_.push_back(std::move(state));
  }
}

at::Tensor Optimizer::clip_gradients(double clip_norm) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& group : groups_)
    for (const auto& [name, parameter] : group.parameters)
      if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  LT_CHECK(!gradients.empty(), Error, "[Optimizer] no parameter has a gradient");
  auto norms = at::_foreach_norm(gradients);
  for (auto& norm : norms) norm = norm.to(at::kFloat);
  const auto total = at::linalg_vector_norm(at::stack(norms));
  if (clip_norm > 0) at::_foreach_mul_(gradients, (clip_norm / (total + 1e-6)).clamp_max(1.0));
  return total;
}

void Optimizer::step(const std::function<double(const ParameterGroup&)>& lr_of, const at::Tensor& skip) {
  const c10::NoGradGuard no_grad;
  for (size_t g = 0; g < groups_.size(); ++g) {
    const auto& group = groups_[g];
    auto& state = states_[g];
    const double lr = lr_of(group);
    if (lr < 0) continue;
    std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs;
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      const auto& parameter = group.parameters[i].second;
      if (!parameter.grad().defined()) continue;
      parameters.push_back(parameter);
      gradients.push_back(parameter.grad());
      exp_avgs.push_back(state.exp_avgs[i]);
      exp_avg_sqs.push_back(state.exp_avg_sqs[i]);
    }
    if (parameters.empty()) continue;
    state.step += 1 - skip;
    const std::vector<at::Tensor> steps(parameters.size(), state.step);
    at::_fused_adamw_(parameters, gradients, exp_avgs, exp_avg_sqs, {}, steps, lr, beta1_, beta2_,
                      group.weight_decay.value_or(weight_decay_), eps_, /*amsgrad=*/false, /*maximize=*/false,
                      /*grad_scale=*/std::nullopt, /*found_inf=*/skip);
    if (group.min_value) at::_foreach_clamp_min_(parameters, *group.min_value);
    if (group.max_value) at::_foreach_clamp_max_(parameters, *group.max_value);
  }
}

void Optimizer::zero_grad() {
  for (auto& group : groups_)
    for (auto& [name, parameter] : group.parameters) parameter.mutable_grad().reset();
}

TensorMap Optimizer::state() const {
  TensorMap tensors;
  for (size_t g = 0; g < groups_.size(); ++g) {
    tensors["step/" + groups_[g].name] = states_[g].step;
    for (size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const auto& name = groups_[g].parameters[i].first;
      tensors["exp_avg/" + name] = states_[g].exp_avgs[i];
      tensors["exp_avg_sq/" + name] = states_[g].exp_avg_sqs[i];
    }
  }
  return tensors;
}

void Optimizer::load_state(const TensorMap& saved) {
  for (const auto& [name, tensor] : state()) {
    const auto it = saved.find(name);
    LT_CHECK(it != saved.end(), CheckpointError, "[Optimizer] the checkpoint has no optimizer state {}", name);
    LT_CHECK(it->second.sizes() == tensor.sizes(), CheckpointError, "[Optimizer] state {} has another shape", name);
    tensor.copy_(it->second);
  }
}

}  // namespace lintorch::train
