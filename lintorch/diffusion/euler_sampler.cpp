#include "lintorch/diffusion/euler_sampler.h"

namespace lintorch::diffusion {

EulerSampler::EulerSampler(std::vector<double> sigmas, bool round_sigmas_to_fp32)
    : Sampler(std::move(sigmas), round_sigmas_to_fp32) {}

at::Tensor EulerSampler::step(const at::Tensor& velocity, int64_t i, const at::Tensor& x) {
  begin_step(velocity, i, x);
  return x.add(velocity.to(x.scalar_type()), sigmas()[i + 1] - sigmas()[i]);
}

}  // namespace lintorch::diffusion
