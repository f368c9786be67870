#include "lintorch/linvideo/dmd_objective.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "lintorch/diffusion/flow_match_schedule.h"
#include "lintorch/linvideo/distribution_matching.h"

namespace lintorch::linvideo {

at::Tensor dmd_objective(const at::Tensor& x0_hat_BCTHW, const at::Tensor& text_BSD, const VelocityFunction& fake_score,
                         const VelocityFunction& teacher, const DmdConfig& config, double shift,
                         at::Generator& generator) {
  at::Tensor d;
  {
    at::NoGradGuard no_grad;
    const at::Tensor x0_hat = x0_hat_BCTHW.detach();
    const at::Tensor t_B = random_times(one_per_sample(x0_hat), config.min_t, config.max_t, shift, generator);
    const at::Tensor x = diffusion::add_noise(x0_hat, draw_noise(x0_hat, generator), t_B);
    const at::Tensor timestep_B = 1000 * t_B;
    const at::Tensor u = teacher(x, timestep_B, text_BSD);
    const at::Tensor u_fake = fake_score(x, timestep_B, text_BSD);
    d = x0_normalized_difference(u, u_fake, x, x0_hat, t_B);
  }
  return config.scale * matching_loss(x0_hat_BCTHW, d);
}

}  // namespace lintorch::linvideo
