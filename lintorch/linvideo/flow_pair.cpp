#include "lintorch/linvideo/flow_pair.h"

#include <ATen/Functions.h>

#include "lintorch/diffusion/flow_match_schedule.h"
#include "lintorch/linvideo/distribution_matching.h"

namespace lintorch::linvideo {

FlowPair euler_pair(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW, const at::Tensor& t_B,
                    at::Generator& generator) {
  const at::Tensor velocity = velocity_hat_BCTHW.detach();
  const at::Tensor uniform = at::rand(t_B.sizes(), generator, at::TensorOptions(at::kDouble)).to(t_B.options());
  const at::Tensor s_B = t_B + uniform * (batch.t_B - t_B);
  const at::Tensor x = batch.x_BCTHW + per_sample(s_B - batch.t_B, batch.x_BCTHW) * velocity;
  return {x, s_B, batch.text_BSD, velocity};
}

FlowPair renoised_pair(const at::Tensor& x0_hat_BCTHW, const at::Tensor& text_BSD, double min_t, double max_t,
                       double shift, at::Generator& generator) {
  const at::Tensor x0_hat = x0_hat_BCTHW.detach();
  const at::Tensor t_B = random_times(one_per_sample(x0_hat), min_t, max_t, shift, generator);
  const at::Tensor noise = draw_noise(x0_hat, generator);
  return {diffusion::add_noise(x0_hat, noise, t_B), t_B, text_BSD, diffusion::velocity_target(x0_hat, noise)};
}

}  // namespace lintorch::linvideo
