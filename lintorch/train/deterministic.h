#pragma once

namespace lintorch::train {

/// From now on, in the whole process, GPU operations give the same bits in every run on the same machine, and LibTorch throws
/// where an operation cannot; slower (attention is FlashAttention instead of cuDNN's). Call it before the first matrix product:
/// cuBLAS reads its fixed workspace (CUBLAS_WORKSPACE_CONFIG, ":4096:8" unless the environment has another) then.
void use_deterministic_algorithms();

}  // namespace lintorch::train
