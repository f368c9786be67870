#include "lintorch/linvideo/dmd_objective.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "lintorch/diffusion/flow_match_schedule.h"
#include "lintorch/linvideo/distribution_matching.h"

namespace lintorch::linvideo {

at::Tensor dmd_objective(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW,
                         const VelocityFunction& fake_score, const VelocityFunction& teacher, const DmdConfig& config,
                         double shift, at::Generator& generator) {
  const at::Tensor t_B = random_times(batch.t_B, config.min_t, config.max_t, shift, generator);
  const at::Tensor noise = draw_noise(batch.x_BCTHW, generator);
  const at::Tensor x0_hat = clean_estimate(batch, velocity_hat_BCTHW);
  at::Tensor d;
  {
    at::NoGradGuard no_grad;
    const at::Tensor x = diffusion::add_noise(x0_hat.detach(), noise, t_B);
    const at::Tensor timestep_B = 1000 * t_B;
    const at::Tensor u = teacher(x, timestep_B, batch.text_BSD);
    const at::Tensor u_fake = fake_score(x, timestep_B, batch.text_BSD);
    d = x0_normalized_difference(u, u_fake, x, x0_hat.detach(), t_B);
  }
  return config.scale * matching_loss(x0_hat, d);
}

}  // namespace lintorch::linvideo
