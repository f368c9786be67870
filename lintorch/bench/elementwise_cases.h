#pragma once

#include <vector>

#include "lintorch/bench/bench_config.h"
#include "lintorch/bench/op_case.h"

namespace lintorch::bench {

/// The fused elementwise ops of a Wan block. `stream`: dtype of the residual stream; `dtype`: of what matrix products
/// read and write.
std::vector<OpCase> elementwise_cases(const BenchSize& size, at::ScalarType stream, at::ScalarType dtype,
                                      c10::Device device);

}  // namespace lintorch::bench
