#pragma once

#include <vector>

#include "lintorch/bench/bench_config.h"
#include "lintorch/bench/op_case.h"

namespace lintorch::bench {

/// The matrix products of a Wan block and its softmax attentions: what the fused ops stand beside. ffn_dim is that of Wan
/// for its two widths, else 4 D; 512 text tokens. FP8 variants where the sizes allow them.
std::vector<OpCase> dense_cases(const BenchSize& size, at::ScalarType dtype, c10::Device device);

/// Hedgehog attention with feature dims 64 and 128 on D / K heads.
std::vector<OpCase> attention_cases(const BenchSize& size, at::ScalarType dtype, c10::Device device);

}  // namespace lintorch::bench
