#include "lintorch/distill/backward_simulation.h"

#include <ATen/Functions.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

namespace lintorch::distill {

GeneratorOutput simulate_backward(const linvideo::VelocityFunction& generator, diffusion::Sampler& sampler,
                                  int64_t step, const at::Tensor& noise_BCTHW, const at::Tensor& text_BSD) {
  const auto timestep_B = [&](int64_t i) {
    return at::full({noise_BCTHW.size(0)}, sampler.timestep(i), noise_BCTHW.options());
  };
  at::Tensor x = noise_BCTHW;
  {
    const at::NoGradGuard no_grad;
    for (int64_t i = 0; i < step; ++i) x = sampler.step(generator(x, timestep_B(i), text_BSD), i, x);
  }
  at::autocast::clear_cache();
  const at::Tensor velocity = generator(x, timestep_B(step), text_BSD);
  return {step, x, x - sampler.sigmas()[static_cast<size_t>(step)] * velocity};
}

}  // namespace lintorch::distill
