#include "lintorch/linvideo/mse_objective.h"

#include "lintorch/core/shape_check.h"

namespace lintorch::linvideo {

at::Tensor mse_objective(const at::Tensor& velocity_hat_BCTHW, const at::Tensor& velocity_BCTHW) {
  check_shape(velocity_BCTHW, velocity_hat_BCTHW.sizes().vec(), "mse_objective: velocity");
  return (velocity_hat_BCTHW - velocity_BCTHW.detach()).square().mean();
}

}  // namespace lintorch::linvideo
