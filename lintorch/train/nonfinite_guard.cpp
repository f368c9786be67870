#include "lintorch/train/nonfinite_guard.h"

#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

namespace lintorch::train {

NonfiniteGuard::NonfiniteGuard(c10::Device device, int64_t first_step) : first_step_(first_step) {
  const auto fp32 = at::TensorOptions(device).dtype(at::kFloat);
  found_ = at::zeros({}, fp32);
  one_ = at::ones({}, fp32);
  values_ = at::zeros({2}, fp32);
  count_ = at::zeros({}, fp32.dtype(at::kLong));
  observed_ = at::zeros({}, fp32.dtype(at::kLong));
}

const at::Tensor& NonfiniteGuard::observe(const at::Tensor& loss, const at::Tensor& norm) {
  const c10::NoGradGuard no_grad;
  const auto values = at::stack({loss.detach().to(values_.device(), at::kFloat), norm.detach().to(at::kFloat)});
  const auto none_before = count_ == 0;
  values_ = at::where(none_before, values, values_);
  observed_.add_(none_before);
  found_.zero_();
  // Multiplies by one and sets found_ if anything is not finite: a single launch.
  at::_amp_foreach_non_finite_check_and_unscale_({values}, found_, one_);
  count_.add_(found_.to(at::kLong));
  return found_;
}

NonfiniteGuard::Report NonfiniteGuard::report() const {
  const auto numbers = at::cat({at::stack({count_, observed_}).to(at::kDouble), values_.to(at::kDouble)}).cpu();
  const double* value = numbers.const_data_ptr<double>();
  return {.count = static_cast<int64_t>(value[0]),
          .first_step = first_step_ + static_cast<int64_t>(value[1]) - 1,
          .loss = value[2],
          .norm = value[3]};
}

}  // namespace lintorch::train
