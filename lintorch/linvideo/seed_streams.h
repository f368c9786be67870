#pragma once

#include <cstdint>

namespace lintorch::linvideo {

/// What LinearizeConfig::seed is mixed with (mix_seed), so that no two draws of a run share their random numbers.
enum SeedStream : uint64_t {
  kGateStream = 1,
  kStateStream = 2,
  kPoolStream = 3,
  kLoraStream = 4,
  kRollbackStream = 5,
  kMapStream = 6,
};

}  // namespace lintorch::linvideo
