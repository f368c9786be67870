#include "lintorch/ops/hedgehog_feature_map.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/softmax.h>

#include "lintorch/core/shape_check.h"
#include "lintorch/ops/bmm_accumulate.h"

namespace lintorch::ops {

at::Tensor hedgehog_feature_map(const at::Tensor& x_BLNK, const at::Tensor& w_NKM) {
  check_shape(x_BLNK, {-1, -1, -1, -1}, "hedgehog_feature_map: x");
  check_shape(w_NKM, {x_BLNK.size(2), x_BLNK.size(3), -1}, "hedgehog_feature_map: w");
  const at::ScalarType accumulate = accumulate_dtype(x_BLNK.scalar_type());
  const at::Tensor y_BLNM = at::einsum("blnk,nkm->blnm", {x_BLNK.to(accumulate), w_NKM.to(accumulate)});
  return at::cat({at::softmax(y_BLNM, -1), at::softmax(-y_BLNM, -1)}, -1).to(x_BLNK.scalar_type());
}

}  // namespace lintorch::ops
