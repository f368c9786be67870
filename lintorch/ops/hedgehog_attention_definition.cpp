#include "lintorch/ops/hedgehog_attention_definition.h"

#include <ATen/ops/einsum.h>

#include "lintorch/ops/hedgehog_feature_map.h"

namespace lintorch::ops {

at::Tensor hedgehog_attention_definition(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                                         const at::Tensor& w_q_NKM, const at::Tensor& w_k_NKM) {
  const at::Tensor phi_q = hedgehog_feature_map(q_BLNK, w_q_NKM);
  const at::Tensor phi_k = hedgehog_feature_map(k_BLNK, w_k_NKM);
  const at::Tensor similarity_BNLL = at::einsum("bine,bjne->bnij", {phi_q, phi_k});
  const at::Tensor weights_BNLL = similarity_BNLL / similarity_BNLL.sum(-1, /*keepdim=*/true);
  return at::einsum("bnij,bjnv->binv", {weights_BNLL, v_BLNV});
}

}  // namespace lintorch::ops
