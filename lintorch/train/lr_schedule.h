#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "lintorch/core/enum_names.h"

namespace lintorch::train {

enum class LrScheduleKind { kConstant, kLinear, kCosine };

/// Factor on the peak learning rate at `step` (from 0): linear warm-up (step + 1) / warmup_steps, then constant, or
/// falling to `final_factor` at the last step along a line or half a cosine.
double lr_factor(LrScheduleKind kind, int64_t step, int64_t steps, int64_t warmup_steps, double final_factor);

}  // namespace lintorch::train

template <>
struct lintorch::EnumNames<lintorch::train::LrScheduleKind> {
  using E = lintorch::train::LrScheduleKind;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kConstant, "constant"}, {E::kLinear, "linear"}, {E::kCosine, "cosine"}};
};
