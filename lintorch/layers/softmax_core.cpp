#include "lintorch/layers/softmax_core.h"

#include <ATen/core/grad_mode.h>

#include "lintorch/ops/fp8_attention.h"

namespace lintorch::layers {

at::Tensor SoftmaxCore::attend(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                               const at::Tensor& /*rope_2L1P*/) {
  if (fp8_ && !at::GradMode::is_enabled()) return ops::fp8_attention(q_BLNK, k_BLNK, v_BLNV);
  return ops::softmax_attention(q_BLNK, k_BLNK, v_BLNV, backend_);
}

}  // namespace lintorch::layers
