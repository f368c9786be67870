#include "lintorch/linvideo/adm_objective.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "lintorch/diffusion/flow_match_schedule.h"

namespace lintorch::linvideo {

namespace {

at::Tensor per_sample(const at::Tensor& value_B, const at::Tensor& like) {
  std::vector<int64_t> shape(like.dim(), 1);
  shape[0] = value_B.size(0);
  return value_B.to(like.scalar_type()).reshape(shape);
}

}  // namespace

at::Tensor score_difference(const at::Tensor& velocity_BCTHW, const at::Tensor& velocity_hat_BCTHW,
                            const at::Tensor& t_B) {
  const at::Tensor t = per_sample(t_B, velocity_BCTHW);
  return -(1 - t) / t * (velocity_BCTHW - velocity_hat_BCTHW);
}

at::Tensor adm_times(const StateBatch& batch, const AdmConfig& config, double shift, at::Generator& generator) {
  const at::Tensor& t = batch.t_B;
  if (config.reading == AdmReading::kRenoise) {
    const at::Tensor uniform = at::rand(t.sizes(), generator, at::TensorOptions(at::kDouble));
    return diffusion::shift_time(uniform, shift).clamp(config.min_t, config.max_t).to(t.options());
  }
  if (config.euler_step > 0) return t - (t / 2).clamp_max(config.euler_step);
  return at::maximum(batch.next_t_B, t / 2);
}

at::Tensor adm_sample(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW, const at::Tensor& t_B,
                      AdmReading reading, at::Generator& generator) {
  const at::Tensor t = per_sample(t_B, batch.x_BCTHW);
  const at::Tensor t_from = per_sample(batch.t_B, batch.x_BCTHW);
  if (reading == AdmReading::kEuler) return batch.x_BCTHW + (t - t_from) * velocity_hat_BCTHW;
  const at::Tensor noise = at::randn(batch.x_BCTHW.sizes(), generator, at::TensorOptions(at::kFloat));
  const at::Tensor x0_hat = batch.x_BCTHW - t_from * velocity_hat_BCTHW;
  return (1 - t) * x0_hat + t * noise.to(batch.x_BCTHW.options());
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
  const at::Tensor t = per_sample(t_B, x_hat_BCTHW);
  const at::Tensor distance = (x0_hat_BCTHW - (x_hat_BCTHW - t * velocity_BCTHW)).abs();
  // Floor: equal networks would divide 0 by 0.
  const at::Tensor mean_B = distance.flatten(1).mean(1).clamp_min(1e-6);
  return t * (velocity_BCTHW - velocity_hat_BCTHW) / per_sample(mean_B, x_hat_BCTHW);
}

at::Tensor adm_loss(const at::Tensor& x_hat_BCTHW, const at::Tensor& d_BCTHW) {
  return 0.5 * (x_hat_BCTHW - (x_hat_BCTHW - d_BCTHW).detach()).square().mean();
}

at::Tensor adm_objective(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW, const VelocityFunction& student,
                         const VelocityFunction& teacher, const AdmConfig& config, double shift,
                         at::Generator& generator) {
  const at::Tensor t_B = adm_times(batch, config, shift, generator);
  const at::Tensor x_hat = adm_sample(batch, velocity_hat_BCTHW, t_B, config.reading, generator);
  at::Tensor d;
  {
    at::NoGradGuard no_grad;
    const at::Tensor x = x_hat.detach();
    const at::Tensor timestep_B = 1000 * t_B;
    const at::Tensor u = teacher(x, timestep_B, batch.text_BSD);
    const at::Tensor u_hat = student(x, timestep_B, batch.text_BSD);
    const at::Tensor x0_hat = batch.x_BCTHW - per_sample(batch.t_B, x) * velocity_hat_BCTHW.detach();
    d = adm_gradient(u, u_hat, x, x0_hat, t_B, config);
  }
  return config.scale * adm_loss(x_hat, d);
}

}  // namespace lintorch::linvideo
