#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "lintorch/bench/bench_config.h"

namespace lintorch::bench {

/// One op at one size.
struct OpCase {
  using Tensors = std::vector<at::Tensor>;
  std::string name;
  std::function<Tensors()> draw_inputs;            ///< random leaves that take gradients
  std::function<Tensors(const Tensors&)> forward;  ///< inputs -> outputs
  double forward_bytes = 0, backward_bytes = 0;    ///< least memory traffic
};

/// The fused elementwise ops of a Wan block. `stream`: dtype of the residual stream; `dtype`: of what matrix products
/// read and write.
std::vector<OpCase> elementwise_cases(const BenchSize& size, at::ScalarType stream, at::ScalarType dtype,
                                      c10::Device device);

}  // namespace lintorch::bench
