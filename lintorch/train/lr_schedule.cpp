#include "lintorch/train/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lintorch::train {

double lr_factor(LrScheduleKind kind, int64_t step, int64_t steps, int64_t warmup_steps, double final_factor) {
  if (step < warmup_steps) return static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  const double length = static_cast<double>(std::max<int64_t>(1, steps - 1 - warmup_steps));
  const double progress = std::clamp(static_cast<double>(step - warmup_steps) / length, 0.0, 1.0);
  switch (kind) {
    case LrScheduleKind::kConstant:
      return 1.0;
    case LrScheduleKind::kLinear:
      return 1.0 + (final_factor - 1.0) * progress;
    case LrScheduleKind::kCosine:
      return final_factor + (1.0 - final_factor) * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  }
  return 1.0;
}

}  // namespace lintorch::train
