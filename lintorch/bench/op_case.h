#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace lintorch::bench {

/// One op at one size.
struct OpCase {
  using Tensors = std::vector<at::Tensor>;
  std::string name;
  std::function<Tensors()> draw_inputs;            ///< random leaves that take gradients
  std::function<Tensors(const Tensors&)> forward;  ///< inputs -> outputs
  double forward_bytes = 0, backward_bytes = 0;    ///< least memory traffic
  double forward_flops = 0, backward_flops = 0;    ///< of matrix products
  /// Relative error of the outputs against fp64, where it is of interest.
  std::function<double(const Tensors& inputs, const Tensors& outputs)> error = {};
};

}  // namespace lintorch::bench
