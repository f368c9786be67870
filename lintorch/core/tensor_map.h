#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace lintorch {

/// Named tensors, in the order of their names.
using TensorMap = std::map<std::string, at::Tensor>;

}  // namespace lintorch
