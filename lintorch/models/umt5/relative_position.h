#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

namespace lintorch::umt5 {

/// Position bucket of r = key position - query position for every (query, key) pair, int64 [length, length].
/// With half = num_buckets / 2 and exact = half / 2:
///
///   bucket(r) = (r > 0 ? half : 0) + (|r| < exact ? |r|
///               : min(half - 1, exact + floor(ln(|r| / exact) / ln(max_distance / exact) * (half - exact))))
///
/// Reference: transformers, UMT5Attention._relative_position_bucket.
at::Tensor relative_position_buckets(int64_t length, int64_t num_buckets, int64_t max_distance, c10::Device device);

}  // namespace lintorch::umt5
