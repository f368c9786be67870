#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::eval {

/// Mean and covariance of feature vectors, in fp64.
struct FeatureStatistics {
  at::Tensor mean;        // [D]
  at::Tensor covariance;  // [D, D], unbiased
  int64_t count = 0;
};

/// features: [n, D], n >= 2. Throws Error otherwise.
FeatureStatistics feature_statistics(const at::Tensor& features);

/// Frechet distance of two Gaussians: |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)).
/// The trace of the root is that of the symmetric (C_a^(1/2) C_b C_a^(1/2))^(1/2), so no complex root is needed.
double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b);

}  // namespace lintorch::eval
