#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "lintorch/layers/attention_core.h"
#include "lintorch/layers/linear_core.h"

namespace lintorch::linvideo {

/// Which branches a mixed core evaluates. The host decides, so that training never waits for a gate's value.
enum class MixedMode {
  kMixed,    ///< both, mixed by r
  kSoftmax,  ///< softmax only (r frozen at 1)
  kLinear,   ///< linear only (r frozen at 0)
  kDistill   ///< both; returns the softmax output and keeps the linear branch's error for distillation_loss()
};

/// Attention core of a layer under selective transfer:
///
///   o = r softmax_attention(q, k, v) + (1 - r) linear_attention(q, k, v)
///
/// One r per layer. r = 1 gives the softmax output bit for bit; dL/dr = <do, softmax - linear>.
/// The linear branch's parameters are registered under the names they have in a LinearCore.
/// Source: LinVideo (arXiv:2510.08318) Eq. 8.
class MixedCore : public layers::AttentionCore {
 public:
  /// gates: the vector of all layers' r, shared with SelectiveTransfer; this core uses element `layer`.
  MixedCore(std::shared_ptr<layers::AttentionCore> softmax, std::shared_ptr<layers::LinearCore> linear,
            at::Tensor gates, int64_t layer);

  void set_mode(MixedMode mode) { mode_ = mode; }
  MixedMode mode() const { return mode_; }

  /// Squared error of the linear branch's output over the mean square of the softmax output, at the last forward in
  /// mode kDistill; gradients reach the feature map only. Forgets it. Undefined without such a forward.
  at::Tensor take_distillation_loss();

 private:
  at::Tensor attend(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                    const at::Tensor& rope_2L1P) override;
  at::Tensor distill(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                     const at::Tensor& rope_2L1P);

  std::shared_ptr<layers::AttentionCore> softmax_;
  std::shared_ptr<layers::LinearCore> linear_;
  at::Tensor gates_;
  int64_t layer_;
  MixedMode mode_ = MixedMode::kMixed;
  at::Tensor distillation_loss_;
};

}  // namespace lintorch::linvideo
