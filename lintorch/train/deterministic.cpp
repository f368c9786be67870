#include "lintorch/train/deterministic.h"

#include <ATen/Context.h>

#include <cstdlib>

namespace lintorch::train {

void use_deterministic_algorithms() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicCuDNN(true);
  // Buffers that are wholly written anyway need no filling.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
}

}  // namespace lintorch::train
