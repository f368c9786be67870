#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>
#include <vector>

namespace lintorch {

/// Throws Error "[what] expected shape [2, 3], got [2, 4]". A size of -1 accepts any.
/// Example: check_shape(q_BLNK, {B, L, N, K}, "hedgehog_attention: q")
void check_shape(const at::Tensor& tensor, const std::vector<int64_t>& shape, std::string_view what);

}  // namespace lintorch
