#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lintorch::train {

/// Watches loss and gradient norm for NaN and infinity on the device. Nothing waits for the GPU until report().
class NonfiniteGuard {
 public:
  /// first_step: the step that the first observe() belongs to.
  NonfiniteGuard(c10::Device device, int64_t first_step);

  /// Notes one step. loss, norm: scalars. Returns an fp32 scalar, 1 if one of them is not finite, else 0; it stays
  /// valid until the next call.
  const at::Tensor& observe(const at::Tensor& loss, const at::Tensor& norm);

  struct Report {
    int64_t count = 0;          ///< steps that were not finite
    int64_t first_step = 0;     ///< the first of them, if any
    double loss = 0, norm = 0;  ///< its values
  };
  /// Waits for the device.
  Report report() const;

 private:
  int64_t first_step_;
  at::Tensor found_, one_;       // fp32 []
  at::Tensor count_, observed_;  // int64 []: bad steps; steps up to and with the first bad one
  at::Tensor values_;            // fp32 [2]: loss and norm of the first bad step, else of the last step
};

}  // namespace lintorch::train
