#include "lintorch/models/umt5/relative_position.h"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace lintorch::umt5 {

at::Tensor relative_position_buckets(int64_t length, int64_t num_buckets, int64_t max_distance, c10::Device device) {
  const int64_t half = num_buckets / 2, exact = half / 2;
  // In fp32, as the reference: the floor decides between buckets at distances such as 16, 32 and 64.
  const float scale = std::log(static_cast<float>(max_distance) / static_cast<float>(exact));
  std::vector<int64_t> buckets;
  buckets.reserve(length * length);
  for (int64_t query = 0; query < length; ++query) {
    for (int64_t key = 0; key < length; ++key) {
      const int64_t distance = std::abs(key - query);
      int64_t bucket = distance;
      if (distance >= exact) {
        const float ratio = std::log(static_cast<float>(distance) / static_cast<float>(exact)) / scale;
        bucket = std::min(half - 1, exact + static_cast<int64_t>(ratio * static_cast<float>(half - exact)));
      }
      buckets.push_back(bucket + (key > query ? half : 0));
    }
  }
  return at::tensor(buckets, at::kLong).view({length, length}).to(device);
}

}  // namespace lintorch::umt5
