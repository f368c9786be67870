#include "lintorch/diffusion/euler_sampler.h"

namespace lintorch::diffusion {

EulerSampler::EulerSampler(std::vector<double> sigmas, bool as_diffusers)
    : Sampler(std::move(sigmas), as_diffusers, !as_diffusers) {}

at::Tensor EulerSampler::step(const at::Tensor& velocity, int64_t i, const at::Tensor& x) {
  begin_step(velocity, i, x);
  return x.add(velocity.to(x.scalar_type()), sigmas()[i + 1] - sigmas()[i]);
}

}  // namespace lintorch::diffusion
