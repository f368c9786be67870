#include "lintorch/linvideo/distribution_matching.h"

#include <ATen/Functions.h>

#include "lintorch/diffusion/flow_match_schedule.h"

namespace lintorch::linvideo {

at::Tensor random_times(const at::Tensor& like_B, double min_t, double max_t, double shift, at::Generator& generator) {
  const at::Tensor uniform = at::rand(like_B.sizes(), generator, at::TensorOptions(at::kDouble));
  return diffusion::shift_time(uniform, shift).clamp(min_t, max_t).to(like_B.options());
}

at::Tensor one_per_sample(const at::Tensor& like_BCTHW) {
  return at::empty({like_BCTHW.size(0)}, like_BCTHW.options().requires_grad(false));
}

at::Tensor draw_noise(const at::Tensor& like, at::Generator& generator) {
  return at::randn(like.sizes(), generator, at::TensorOptions(at::kFloat)).to(like.options().requires_grad(false));
}

at::Tensor clean_estimate(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW) {
  return batch.x_BCTHW - per_sample(batch.t_B, batch.x_BCTHW) * velocity_hat_BCTHW;
}

at::Tensor x0_normalized_difference(const at::Tensor& velocity_BCTHW, const at::Tensor& velocity_hat_BCTHW,
                                    const at::Tensor& x_BCTHW, const at::Tensor& x0_hat_BCTHW, const at::Tensor& t_B) {
  const at::Tensor t = per_sample(t_B, x_BCTHW);
  const at::Tensor distance = (x0_hat_BCTHW - (x_BCTHW - t * velocity_BCTHW)).abs();
  // Floor: equal networks would divide 0 by 0.
  const at::Tensor mean_B = distance.flatten(1).mean(1).clamp_min(1e-6);
  return t * (velocity_BCTHW - velocity_hat_BCTHW) / per_sample(mean_B, x_BCTHW);
}

at::Tensor matching_loss(const at::Tensor& x_hat_BCTHW, const at::Tensor& d_BCTHW) {
  return 0.5 * (x_hat_BCTHW - (x_hat_BCTHW - d_BCTHW).detach()).square().mean();
}

}  // namespace lintorch::linvideo
