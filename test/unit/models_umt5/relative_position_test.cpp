#include "lintorch/models/umt5/relative_position.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

using namespace lintorch;

TEST_CASE("relative position buckets have the values of UMT5", "[relative_position]") {
  const auto buckets = umt5::relative_position_buckets(512, 32, 128, torch::kCPU);
  const auto bucket = [&](int64_t r) { return (r >= 0 ? buckets[0][r] : buckets[-r][0]).item<int64_t>(); };
  for (const auto& [r, expected] : std::vector<std::pair<int64_t, int64_t>>{{-128, 15},
                                                                            {-64, 14},
                                                                            {-32, 12},
                                                                            {-16, 10},
                                                                            {-12, 9},
                                                                            {-8, 8},
                                                                            {-7, 7},
                                                                            {-1, 1},
                                                                            {0, 0},
                                                                            {1, 17},
                                                                            {8, 24},
                                                                            {12, 25},
                                                                            {16, 26},
                                                                            {32, 28},
                                                                            {64, 30},
                                                                            {90, 30},
                                                                            {91, 31},
                                                                            {511, 31}}) {
    CAPTURE(r);
    CHECK(bucket(r) == expected);
  }
}

TEST_CASE("relative position buckets depend on the difference alone", "[relative_position]") {
  const auto buckets = umt5::relative_position_buckets(40, 8, 20, torch::kCPU);
  CHECK(torch::equal(buckets.slice(0, 1).slice(1, 1), buckets.slice(0, 0, -1).slice(1, 0, -1)));
  CHECK(buckets.max().item<int64_t>() == 7);
  CHECK(buckets.min().item<int64_t>() == 0);
}
