#include "lintorch/linvideo/adm_objective.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "lintorch/diffusion/flow_match_schedule.h"
#include "lintorch/linvideo/distribution_matching.h"

namespace lintorch::linvideo {

at::Tensor score_difference(const at::Tensor& velocity_BCTHW, const at::Tensor& velocity_hat_BCTHW,
                            const at::Tensor& t_B) {
  const at::Tensor t = per_sample(t_B, velocity_BCTHW);
  return -(1 - t) / t * (velocity_BCTHW - velocity_hat_BCTHW);
}

at::Tensor adm_times(const StateBatch& batch, const AdmConfig& config, double shift, at::Generator& generator) {
  const at::Tensor& t = batch.t_B;
  if (config.reading == AdmReading::kRenoise) return random_times(t, config.min_t, config.max_t, shift, generator);
  if (config.euler_step > 0) return t - (t / 2).clamp_max(config.euler_step);
  return at::maximum(batch.next_t_B, t / 2);
}

at::Tensor adm_sample(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW, const at::Tensor& t_B,
                      AdmReading reading, at::Generator& generator) {
  if (reading == AdmReading::kEuler)
    return batch.x_BCTHW + per_sample(t_B - batch.t_B, batch.x_BCTHW) * velocity_hat_BCTHW;
  const at::Tensor noise = draw_noise(batch.x_BCTHW, generator);
  return diffusion::add_noise(clean_estimate(batch, velocity_hat_BCTHW), noise, t_B);
}

at::Tensor adm_gradient(const at::Tensor& velocity_BCTHW, const at::Tensor& velocity_hat_BCTHW,
                        const at::Tensor& x_hat_BCTHW, const at::Tensor& x0_hat_BCTHW, const at::Tensor& t_B,
                        const AdmConfig& config) {
  switch (config.weight) {
    case AdmWeight::kUniform:
      return velocity_BCTHW - velocity_hat_BCTHW;
    case AdmWeight::kScore:
      return -score_difference(velocity_BCTHW, velocity_hat_BCTHW, t_B.clamp(config.min_t, config.max_t));
    case AdmWeight::kX0Normalized:
      break;
  }
  return x0_normalized_difference(velocity_BCTHW, velocity_hat_BCTHW, x_hat_BCTHW, x0_hat_BCTHW, t_B);
}

at::Tensor adm_objective(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW,
                         const VelocityFunction& student_score, const VelocityFunction& teacher,
                         const AdmConfig& config, double shift, at::Generator& generator) {
  const at::Tensor t_B = adm_times(batch, config, shift, generator);
  const at::Tensor x_hat = adm_sample(batch, velocity_hat_BCTHW, t_B, config.reading, generator);
  at::Tensor d;
  {
    at::NoGradGuard no_grad;
    const at::Tensor x = x_hat.detach();
    const at::Tensor timestep_B = 1000 * t_B;
    const at::Tensor u = teacher(x, timestep_B, batch.text_BSD);
    const at::Tensor u_hat = student_score(x, timestep_B, batch.text_BSD);
    d = adm_gradient(u, u_hat, x, clean_estimate(batch, velocity_hat_BCTHW.detach()), t_B, config);
  }
  return config.scale * matching_loss(x_hat, d);
}

}  // namespace lintorch::linvideo
