#include "lintorch/core/shape_check.h"

#include <fmt/ranges.h>

#include "lintorch/core/error.h"

namespace lintorch {

void check_shape(const at::Tensor& tensor, const std::vector<int64_t>& shape, std::string_view what) {
  bool same = tensor.dim() == static_cast<int64_t>(shape.size());
  for (size_t i = 0; same && i < shape.size(); ++i) same = shape[i] == -1 || tensor.size(i) == shape[i];
  LT_CHECK(same, Error, "[{}] expected shape [{}], got [{}]", what, fmt::join(shape, ", "),
           fmt::join(tensor.sizes().vec(), ", "));
}

}  // namespace lintorch
