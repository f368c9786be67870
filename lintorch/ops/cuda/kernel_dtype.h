#pragma once

namespace lintorch::ops {

/// Element types the kernels read and write.
enum class KernelDtype { kFloat, kBfloat16 };

}  // namespace lintorch::ops
