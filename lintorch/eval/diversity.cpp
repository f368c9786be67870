#include "lintorch/eval/diversity.h"

#include <ATen/ops/pdist.h>

#include <cmath>

#include "lintorch/core/error.h"

namespace lintorch::eval {

double mean_pair_distance(const at::Tensor& samples_VD) {
  LT_CHECK(samples_VD.size(0) >= 2, Error, "[mean_pair_distance] expected at least 2 samples, got {}",
           samples_VD.size(0));
  return at::pdist(samples_VD.flatten(1).to(at::kDouble)).mean().item<double>();
}

double mean_pair_rms(const at::Tensor& samples_VD) {
  return mean_pair_distance(samples_VD) / std::sqrt(static_cast<double>(samples_VD[0].numel()));
}

}  // namespace lintorch::eval
