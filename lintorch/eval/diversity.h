#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::eval {

/// Mean over all pairs of samples of the Euclidean distance || a - b ||, in fp64. samples_VD: [V, ...], V >= 2; throws Error
/// otherwise.
double mean_pair_distance(const at::Tensor& samples_VD);

/// The same as a root mean square over the elements of a sample: independent of its size.
double mean_pair_rms(const at::Tensor& samples_VD);

}  // namespace lintorch::eval
