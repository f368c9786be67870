#include "lintorch/eval/frechet_distance.h"

#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_eigvalsh.h>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"

namespace lintorch::eval {

FeatureStatistics feature_statistics(const at::Tensor& features) {
  LT_CHECK(features.dim() == 2 && features.size(0) >= 2, Error,
           "[feature_statistics] expected [n >= 2, D] features, got {} dimensions, n = {}", features.dim(),
           features.dim() > 0 ? features.size(0) : 0);
  const auto x = features.to(at::kCPU, at::kDouble);
  const auto mean = x.mean(0);
  const auto centred = x - mean;
  return {mean, centred.t().matmul(centred) / static_cast<double>(x.size(0) - 1), x.size(0)};
}

double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b) {
  check_shape(b.mean, {a.mean.size(0)}, "frechet_distance: mean");
  const auto [values, vectors] = at::linalg_eigh(a.covariance);
  const auto root_a = (vectors * values.clamp_min(0).sqrt()).matmul(vectors.t());
  const auto product = root_a.matmul(b.covariance).matmul(root_a);
  const auto cross = at::linalg_eigvalsh((product + product.t()) / 2).clamp_min(0).sqrt().sum();
  const auto distance = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace() - 2 * cross;
  return distance.item<double>();
}

}  // namespace lintorch::eval
