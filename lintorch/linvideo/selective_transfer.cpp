#include "lintorch/linvideo/selective_transfer.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/linvideo/seed_streams.h"
#include "lintorch/linvideo/selection_losses.h"
#include "lintorch/linvideo/start_cores.h"

namespace lintorch::linvideo {

namespace {

at::Tensor initial_gates(int64_t num_layers, const SelectiveTransferConfig& config, uint64_t seed,
                         const at::TensorOptions& options) {
  auto generator = make_generator(seed);
  const at::Tensor noise = 2 * at::rand({num_layers}, generator, at::TensorOptions(at::kDouble)) - 1;
  return (config.init + config.init_noise * noise).clamp(0, 1).to(options).requires_grad_(true);
}

at::ScalarType gate_dtype(const at::TensorOptions& weights) {
  return weights.dtype() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace

SelectiveTransfer::SelectiveTransfer(wan::WanDit& student, const layers::LinearAttentionConfig& linear_attention,
                                     const SelectiveTransferConfig& config, uint64_t seed)
    : linear_attention_(linear_attention), config_(config), seed_(seed), num_layers_(student->num_layers()) {
  LT_CHECK(config.target <= num_layers_, ConfigError,
           "selective_transfer.target: expected at most {} (the teacher's layers), got {}", num_layers_, config.target);
  const uint64_t gate_seed = mix_seed(seed, kGateStream);
  const at::TensorOptions options = student->block(0)->attn1->to_q->weight.options();
  gates_ = initial_gates(num_layers_, config, gate_seed, options.dtype(gate_dtype(options)));
  cores_ = put_cores(student);
  const bool needs_model = config.selection == SelectionKind::kLearned || config.selection == SelectionKind::kGreedy;
  if (!needs_model) freeze(assign_fixed(config, num_layers_, gate_seed));
}

SelectiveTransfer::Cores SelectiveTransfer::put_cores(wan::WanDit& dit) {
  const wan::WanDitConfig& model = dit->config();
  const auto linear = start_linear_cores(model, linear_attention_, seed_);
  Cores cores;
  for (int64_t layer = 0; layer < num_layers_; ++layer) {
    LT_CHECK(model.attention_of(layer) == wan::AttentionKind::kSoftmax, NotSupportedError,
             "[SelectiveTransfer] layer {} of the teacher is linear already: expected an all-softmax teacher", layer);
    linear[layer]->to(gates_.device(), gates_.scalar_type());
    auto& attention = dit->block(layer)->attn1;
    cores.push_back(std::make_shared<MixedCore>(attention->core(), linear[layer], gates_, layer));
    attention->set_core(cores.back());
  }
  return cores;
}

void SelectiveTransfer::attach(wan::WanDit& twin) {
  twin_cores_.push_back(put_cores(twin));
  apply_modes();
}

void SelectiveTransfer::start_gates(const std::vector<double>& block_errors) {
  LT_ASSERT(static_cast<int64_t>(block_errors.size()) == num_layers_);
  const at::Tensor ranks = at::tensor(block_errors, at::kDouble).argsort().argsort().to(at::kDouble);
  const double last = std::max<double>(1, static_cast<double>(num_layers_ - 1));
  const at::NoGradGuard no_grad;
  gates_.copy_((config_.init + config_.init_spread * (ranks / last - 0.5)).clamp(0, 1));
}

SelectiveTransfer::Losses SelectiveTransfer::losses(double progress) const {
  Losses losses;
  losses.alpha = anneal_alpha(progress, config_.alpha_start, config_.alpha_end, config_.alpha_fraction);
  losses.constraint = constraint_loss(gates_, config_.target);
  losses.regularization = regularization_loss(gates_, losses.alpha);
  losses.weighted = config_.lambda * ((config_.constraint ? 1.0 : 0.0) * losses.constraint +
                                      (config_.regularizer ? 1.0 : 0.0) * losses.regularization);
  return losses;
}

at::Tensor SelectiveTransfer::num_linear() const { return (1 - at::round(gates_.detach())).sum(); }

void SelectiveTransfer::freeze() { freeze(assign_smallest(gates_, config_.target)); }

void SelectiveTransfer::freeze(LayerAssignment assignment) {
  LT_CHECK(static_cast<int64_t>(assignment.size()) == num_layers_, CheckpointError,
           "[SelectiveTransfer] expected a choice for {} layers, got {}", num_layers_, assignment.size());
  std::vector<double> values;
  for (const auto kind : assignment) values.push_back(kind == wan::AttentionKind::kLinear ? 0.0 : 1.0);
  frozen_gates_ = at::tensor(values, at::TensorOptions(at::kDouble)).to(gates_.options().requires_grad(false));
  assignment_ = std::move(assignment);
  apply_modes();
  project_gates();
}

void SelectiveTransfer::unfreeze() {
  assignment_.reset();
  apply_modes();
}

void SelectiveTransfer::project_gates() {
  at::NoGradGuard no_grad;
  if (frozen()) {
    gates_.copy_(frozen_gates_);
  } else {
    gates_.clamp_(0, 1);
  }
}

void SelectiveTransfer::set_distilling(bool distilling) {
  if (distilling_ == distilling) return;
  distilling_ = distilling;
  apply_modes();
}

void SelectiveTransfer::set_only_linear(std::optional<int64_t> layer) {
  only_linear_ = layer;
  apply_modes();
}

void SelectiveTransfer::apply_modes() {
  for (int64_t layer = 0; layer < num_layers_; ++layer) {
    MixedMode mode = MixedMode::kMixed;
    if (only_linear_) {
      mode = layer == *only_linear_ ? MixedMode::kLinear : MixedMode::kSoftmax;
    } else if (distilling_) {
      mode = MixedMode::kDistill;
    } else if (frozen()) {
      mode = assignment()[layer] == wan::AttentionKind::kLinear ? MixedMode::kLinear : MixedMode::kSoftmax;
    }
    cores_[layer]->set_mode(mode);
    for (const auto& cores : twin_cores_) cores[layer]->set_mode(mode);
  }
}

at::Tensor SelectiveTransfer::distillation_loss() {
  std::vector<at::Tensor> losses;
  for (const auto& core : cores_) losses.push_back(core->take_distillation_loss());
  return at::stack(losses).mean();
}

}  // namespace lintorch::linvideo
