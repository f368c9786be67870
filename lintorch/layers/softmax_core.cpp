#include "lintorch/layers/softmax_core.h"

namespace lintorch::layers {

at::Tensor SoftmaxCore::attend(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                               const at::Tensor& /*rope_2L1P*/) {
  return ops::softmax_attention(q_BLNK, k_BLNK, v_BLNV, backend_);
}

}  // namespace lintorch::layers
