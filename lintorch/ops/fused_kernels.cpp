#include "lintorch/ops/fused_kernels.h"

#include <atomic>
#include <cstdlib>

#include "lintorch/ops/cuda/row_split.h"

namespace lintorch::ops {
namespace {

std::atomic<FusedKernels>& setting() {
  static std::atomic<FusedKernels> mode = [] {
    const char* name = std::getenv("LINTORCH_FUSED_KERNELS");
    return name ? enum_from_name<FusedKernels>(name, "LINTORCH_FUSED_KERNELS") : FusedKernels::kAuto;
  }();
  return mode;
}

}  // namespace

FusedKernels fused_kernels() { return setting(); }
void set_fused_kernels(FusedKernels mode) { setting() = mode; }

bool fused_kernels_serve(const at::Tensor& x, int64_t width) {
  const bool has_kernel =
      x.is_cuda() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) && row_kernels_support(width);
  switch (fused_kernels()) {
    case FusedKernels::kOff:
      return false;
    case FusedKernels::kAlways:
      return has_kernel || !x.is_cuda();
    case FusedKernels::kAuto:
      break;
  }
  return has_kernel;
}

}  // namespace lintorch::ops
