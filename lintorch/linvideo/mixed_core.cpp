#include "lintorch/linvideo/mixed_core.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <utility>

namespace lintorch::linvideo {

MixedCore::MixedCore(std::shared_ptr<layers::AttentionCore> softmax, std::shared_ptr<layers::LinearCore> linear,
                     at::Tensor gates, int64_t layer)
    : softmax_(std::move(softmax)), linear_(std::move(linear)), gates_(std::move(gates)), layer_(layer) {
  // Shared tensors, not copies: moving this module to a device or dtype moves the linear branch with it.
  for (auto& parameter : linear_->named_parameters()) register_parameter(parameter.key(), parameter.value());
}

at::Tensor MixedCore::attend(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                             const at::Tensor& rope_2L1P) {
  switch (mode_) {
    case MixedMode::kSoftmax:
      return softmax_->forward(q_BLNK, k_BLNK, v_BLNV, rope_2L1P);
    case MixedMode::kLinear:
      return linear_->forward(q_BLNK, k_BLNK, v_BLNV, rope_2L1P);
    case MixedMode::kDistill:
      return distill(q_BLNK, k_BLNK, v_BLNV, rope_2L1P);
    case MixedMode::kMixed:
      break;
  }
  const at::Tensor r = gates_.select(0, layer_);
  return r * softmax_->forward(q_BLNK, k_BLNK, v_BLNV, rope_2L1P) +
         (1 - r) * linear_->forward(q_BLNK, k_BLNK, v_BLNV, rope_2L1P);
}

at::Tensor MixedCore::distill(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                              const at::Tensor& rope_2L1P) {
  at::Tensor softmax_BLNV;
  {
    at::NoGradGuard no_grad;
    softmax_BLNV = softmax_->forward(q_BLNK, k_BLNK, v_BLNV, rope_2L1P);
  }
  if (c10::InferenceMode::is_enabled()) return softmax_BLNV;  // a preview: nothing learns
  // The caller runs the network without gradients; only the feature map learns here.
  at::AutoGradMode with_grad(true);
  const at::Tensor linear_BLNV = linear_->forward(q_BLNK.detach(), k_BLNK.detach(), v_BLNV.detach(), rope_2L1P);
  const auto accumulate = softmax_BLNV.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor target = softmax_BLNV.to(accumulate);
  distillation_loss_ = (linear_BLNV.to(accumulate) - target).square().mean() / target.square().mean();
  return softmax_BLNV;
}

at::Tensor MixedCore::take_distillation_loss() { return std::exchange(distillation_loss_, at::Tensor()); }

}  // namespace lintorch::linvideo
