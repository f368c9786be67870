#include "lintorch/diffusion/guidance.h"

#include "lintorch/core/shape_check.h"

namespace lintorch::diffusion {

at::Tensor guide(const at::Tensor& cond, const at::Tensor& uncond, double guidance) {
  check_shape(uncond, cond.sizes().vec(), "guide: uncond");
  return uncond.add(cond.sub(uncond), guidance);
}

}  // namespace lintorch::diffusion
