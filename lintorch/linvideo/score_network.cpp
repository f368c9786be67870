#include "lintorch/linvideo/score_network.h"

#include <ATen/Functions.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include "lintorch/core/error.h"
#include "lintorch/layers/precision.h"
#include "lintorch/linvideo/mse_objective.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/ops/bmm_accumulate.h"

namespace lintorch::linvideo {

namespace {

constexpr const char* kGroup = "score_network";

/// In fp32 at least, whatever the teacher is kept in.
wan::WanDit trainable_copy(wan::WanDit& teacher) {
  wan::WanDit copy = copy_wan_dit(teacher);
  const at::Tensor& weight = copy->patch_embedding->weight;
  wan::cast_wan_dit(copy, ops::accumulate_dtype(weight.scalar_type()), weight.device());
  return copy;
}

std::vector<train::ParameterGroup> parameter_groups(wan::WanDit& dit) {
  train::ParameterGroup group;
  group.name = kGroup;
  for (auto& parameter : dit->named_parameters())
    group.parameters.emplace_back(parameter.key(), parameter.value().set_requires_grad(true));
  return {group};
}

}  // namespace

ScoreNetwork::ScoreNetwork(wan::WanDit& teacher, const ScoreNetworkConfig& config)
    : lr_(config.lr), dit_(trainable_copy(teacher)), optimizer_(parameter_groups(dit_), train::TrainerConfig()) {}

at::Tensor ScoreNetwork::update(const FlowPair& pair) {
  const at::AutoGradMode with_grad(true);
  optimizer_.zero_grad();
  const at::Tensor velocity = dit_->forward(pair.x_BCTHW, 1000 * pair.t_B, pair.text_BSD);
  const at::Tensor loss = mse_objective(velocity, pair.velocity_BCTHW);
  {
    const layers::NoAutocast no_autocast;
    loss.backward();
    const at::Tensor norm = optimizer_.gradient_norm({true});
    const at::Tensor finite = at::isfinite(loss.detach()).logical_and(at::isfinite(norm));
    const at::Tensor skip = 1 - finite.to(at::kFloat);
    optimizer_.step(
        {true}, [&](const train::ParameterGroup&) { return lr_; }, norm, skip);
    optimizer_.zero_grad();
  }
  // It may hold casts of the weights as they were.
  at::autocast::clear_cache();
  return loss.detach();
}

TensorMap ScoreNetwork::state() const {
  TensorMap state;
  for (const auto& [name, parameter] : optimizer_.groups().front().parameters)
    state["model/" + name] = parameter.detach();
  for (const auto& [name, value] : optimizer_.state()) state["optimizer/" + name] = value;
  return state;
}

void ScoreNetwork::load_state(const TensorMap& state) {
  const at::NoGradGuard no_grad;
  TensorMap optimizer;
  for (const auto& [name, value] : state)
    if (name.starts_with("optimizer/")) optimizer[name.substr(10)] = value;
  optimizer_.load_state(optimizer);
  for (const auto& [name, parameter] : optimizer_.groups().front().parameters) {
    const auto it = state.find("model/" + name);
    LT_CHECK(it != state.end(), CheckpointError, "[ScoreNetwork] the checkpoint has no weight {}", name);
    LT_CHECK(it->second.sizes() == parameter.sizes(), CheckpointError, "[ScoreNetwork] weight {} has another shape",
             name);
    at::Tensor(parameter).copy_(it->second);
  }
}

}  // namespace lintorch::linvideo
