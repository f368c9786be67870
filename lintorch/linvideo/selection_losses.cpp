#include "lintorch/linvideo/selection_losses.h"

#include <ATen/ops/abs.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/round.h>

#include <algorithm>

namespace lintorch::linvideo {

at::Tensor round_straight_through(const at::Tensor& gates) { return gates + (at::round(gates) - gates).detach(); }

at::Tensor constraint_loss(const at::Tensor& gates, int64_t target) {
  return ((1 - round_straight_through(gates)).sum() - target).square();
}

at::Tensor regularization_loss(const at::Tensor& gates, double alpha) {
  return (1 - at::pow(at::abs(2 * gates - 1), alpha)).sum();
}

double anneal_alpha(double progress, double start, double end, double fraction) {
  return start + (end - start) * std::clamp(progress / fraction, 0.0, 1.0);
}

}  // namespace lintorch::linvideo
