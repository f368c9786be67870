#pragma once

#include <ATen/core/Tensor.h>

#include "lintorch/core/enum_names.h"

namespace lintorch {
namespace ops {

/// Who computes the ops that have kernels of their own: the fused elementwise ops (residual_layer_norm, rms_norm_rope and
/// their relatives) and the forward of Hedgehog attention.
/// kAuto: CUDA kernels where they serve, else the composition from ATen ops; kOff: always the composition;
/// kAlways: the dispatcher's ops everywhere, which on the CPU are the kernels' formulas in ATen (for tests).
enum class FusedKernels { kAuto, kOff, kAlways };

/// The setting of this process; initially the environment variable LINTORCH_FUSED_KERNELS (auto, off, always), else
/// kAuto. Not to be changed between a forward and its backward. Throws ConfigError for another name.
FusedKernels fused_kernels();
void set_fused_kernels(FusedKernels mode);

/// Whether the fused ops serve rows of `width` elements of x's dtype on x's device.
bool fused_kernels_serve(const at::Tensor& x, int64_t width);

}  // namespace ops

template <>
struct EnumNames<ops::FusedKernels> {
  static constexpr std::pair<ops::FusedKernels, std::string_view> table[] = {
      {ops::FusedKernels::kAuto, "auto"}, {ops::FusedKernels::kOff, "off"}, {ops::FusedKernels::kAlways, "always"}};
};

}  // namespace lintorch
