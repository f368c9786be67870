#include "lintorch/train/nonfinite_guard.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace lintorch::train {
namespace {

TEST_CASE("the guard flags each non-finite step and remembers the first", "[nonfinite_guard]") {
  const auto scalar = [](double value) { return at::full({}, value, at::kFloat); };
  NonfiniteGuard guard(at::kCPU, 100);
  CHECK(guard.observe(scalar(1), scalar(2)).item<float>() == 0);
  CHECK(guard.observe(scalar(3), scalar(4)).item<float>() == 0);
  CHECK(guard.report().count == 0);
  CHECK(guard.observe(scalar(5), scalar(std::numeric_limits<double>::infinity())).item<float>() == 1);
  CHECK(guard.observe(scalar(6), scalar(7)).item<float>() == 0);
  CHECK(guard.observe(scalar(std::nan("")), scalar(8)).item<float>() == 1);
  const auto report = guard.report();
  CHECK(report.count == 2);
  CHECK(report.first_step == 102);
  CHECK(report.loss == 5);
  CHECK(std::isinf(report.norm));
}

}  // namespace
}  // namespace lintorch::train
