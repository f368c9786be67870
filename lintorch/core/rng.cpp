#include "lintorch/core/rng.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randint.h>

namespace lintorch {

static uint64_t split_mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

uint64_t mix_seed(uint64_t seed, uint64_t stream, uint64_t index) {
  return split_mix(split_mix(split_mix(seed) ^ stream) ^ index);
}

at::Generator make_generator(uint64_t seed) { return at::detail::createCPUGenerator(seed); }

std::vector<int64_t> random_indices(int64_t below, int64_t count, at::Generator& generator) {
  const at::Tensor drawn = at::randint(below, {count}, generator, at::TensorOptions(at::kLong));
  return {drawn.const_data_ptr<int64_t>(), drawn.const_data_ptr<int64_t>() + count};
}

}  // namespace lintorch
