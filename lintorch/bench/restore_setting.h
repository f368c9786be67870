#pragma once

#include "lintorch/ops/fused_kernels.h"

namespace lintorch::bench {

/// Puts the setting of ops/fused_kernels.h back at the end of its scope.
struct RestoreSetting {
  const ops::FusedKernels before = ops::fused_kernels();
  ~RestoreSetting() { ops::set_fused_kernels(before); }
};

}  // namespace lintorch::bench
