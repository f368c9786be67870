#include "lintorch/train/lr_schedule.h"

#include <catch2/catch.hpp>

namespace lintorch::train {
namespace {

TEST_CASE("warm-up rises linearly to the peak", "[lr_schedule]") {
  for (const auto kind : {LrScheduleKind::kConstant, LrScheduleKind::kLinear, LrScheduleKind::kCosine}) {
    CHECK(lr_factor(kind, 0, 100, 4, 0.0) == Approx(0.25));
    CHECK(lr_factor(kind, 3, 100, 4, 0.0) == 1.0);
    CHECK(lr_factor(kind, 4, 100, 4, 0.0) == 1.0);
    CHECK(lr_factor(kind, 0, 100, 0, 0.0) == 1.0);
  }
}

TEST_CASE("schedules end at the final factor", "[lr_schedule]") {
  CHECK(lr_factor(LrScheduleKind::kConstant, 99, 100, 10, 0.2) == 1.0);
  CHECK(lr_factor(LrScheduleKind::kLinear, 99, 100, 10, 0.2) == Approx(0.2));
  CHECK(lr_factor(LrScheduleKind::kCosine, 99, 100, 10, 0.2) == Approx(0.2));
  CHECK(lr_factor(LrScheduleKind::kLinear, 55, 101, 10, 0.0) == Approx(0.5));
  CHECK(lr_factor(LrScheduleKind::kCosine, 55, 101, 10, 0.5) == Approx(0.75));
  CHECK(lr_factor(LrScheduleKind::kCosine, 40, 101, 10, 0.0) == Approx(0.75));  // cos(pi / 3) = 1/2
}

TEST_CASE("a run as short as its warm-up is defined", "[lr_schedule]") {
  CHECK(lr_factor(LrScheduleKind::kCosine, 0, 1, 1, 0.0) == 1.0);
  CHECK(lr_factor(LrScheduleKind::kLinear, 0, 1, 0, 0.0) == 1.0);
}

}  // namespace
}  // namespace lintorch::train
