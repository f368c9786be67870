#include "lintorch/linvideo/guided_matching.h"

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/diffusion/guidance.h"

namespace lintorch::linvideo {

at::Tensor guided_matching_loss(const at::Tensor& velocity_hat_BCTHW, const at::Tensor& velocity_BCTHW,
                                double guidance) {
  check_shape(velocity_BCTHW, velocity_hat_BCTHW.sizes().vec(), "guided_matching_loss: velocity");
  LT_CHECK(velocity_hat_BCTHW.size(0) % 2 == 0, Error,
           "[guided_matching_loss] expected both branches of every state, got a batch of {}",
           velocity_hat_BCTHW.size(0));
  const auto error = (velocity_hat_BCTHW - velocity_BCTHW.detach()).chunk(2);
  const double amplification = guidance * guidance + (guidance - 1) * (guidance - 1);
  return diffusion::guide(error[0], error[1], guidance).square().mean() / amplification;
}

}  // namespace lintorch::linvideo
