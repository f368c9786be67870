#pragma once

#include "lintorch/layers/attention_core.h"
#include "lintorch/ops/softmax_attention.h"

namespace lintorch::layers {

/// Quadratic softmax attention; no parameters.
class SoftmaxCore : public AttentionCore {
 public:
  explicit SoftmaxCore(ops::SoftmaxBackend backend = ops::SoftmaxBackend::kAuto) : backend_(backend) {}
  ops::SoftmaxBackend backend() const { return backend_; }

  /// Where no gradients are recorded, ops::fp8_attention takes the place of the backend. Default: off.
  void set_fp8(bool on) { fp8_ = on; }
  bool fp8() const { return fp8_; }

 private:
  at::Tensor attend(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                    const at::Tensor& rope_2L1P) override;

  ops::SoftmaxBackend backend_;
  bool fp8_ = false;
};

}  // namespace lintorch::layers
