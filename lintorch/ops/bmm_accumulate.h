#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::ops {

/// fp64 for fp64, else fp32: the dtype in which sums, softmax and states are kept.
at::ScalarType accumulate_dtype(at::ScalarType dtype);

/// Batched product a b with the result in accumulate_dtype, unrounded: low-precision operands, fp32 output.
at::Tensor bmm_accumulate(const at::Tensor& a, const at::Tensor& b);

/// Batched product a b rounded to the dtype of `out`, written into `out` (any strides).
void bmm_into(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b);

}  // namespace lintorch::ops
