#pragma once

#include "lintorch/ops/fused_kernels.h"

namespace lintorch::test {

/// Sets who computes the fused ops while alive.
class FusedKernelsGuard {
 public:
  explicit FusedKernelsGuard(ops::FusedKernels mode) : before_(ops::fused_kernels()) { ops::set_fused_kernels(mode); }
  ~FusedKernelsGuard() { ops::set_fused_kernels(before_); }
  FusedKernelsGuard(const FusedKernelsGuard&) = delete;
  FusedKernelsGuard& operator=(const FusedKernelsGuard&) = delete;

 private:
  ops::FusedKernels before_;
};

}  // namespace lintorch::test
