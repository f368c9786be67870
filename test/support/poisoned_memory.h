#pragma once

#include <torch/torch.h>

namespace lintorch::test {

/// While alive, LibTorch fills memory it hands out uninitialised with NaN: what a kernel leaves unwritten shows.
class PoisonedMemory {
 public:
  PoisonedMemory() { set(true); }
  ~PoisonedMemory() { set(false); }
  PoisonedMemory(const PoisonedMemory&) = delete;
  PoisonedMemory& operator=(const PoisonedMemory&) = delete;

 private:
  static void set(bool on) {
    at::globalContext().setDeterministicFillUninitializedMemory(on);
    at::globalContext().setDeterministicAlgorithms(on, /*warn_only=*/true);
  }
};

}  // namespace lintorch::test
