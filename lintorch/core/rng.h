#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <vector>

namespace lintorch {

/// Mixes a seed with up to two stream numbers (SplitMix64): every (seed, stream, index) gives an independent stream,
/// which makes resuming at a step a matter of knowing the step.
uint64_t mix_seed(uint64_t seed, uint64_t stream, uint64_t index = 0);

/// A CPU generator with the given seed. Noise is always drawn on the CPU, so that a seed means the same video on
/// every machine.
at::Generator make_generator(uint64_t seed);

/// `count` numbers of 0 to below - 1, each as likely as the others.
std::vector<int64_t> random_indices(int64_t below, int64_t count, at::Generator& generator);

}  // namespace lintorch
