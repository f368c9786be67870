#include "lintorch/diffusion/renoise_sampler.h"

#include <utility>

#include "lintorch/core/error.h"

namespace lintorch::diffusion {

RenoiseSampler::RenoiseSampler(std::vector<double> sigmas, NoiseSource noise)
    : Sampler(std::move(sigmas), /*round_sigmas_to_fp32=*/true, /*whole_timesteps=*/false), noise_(std::move(noise)) {
  LT_CHECK(noise_, ConfigError, "[RenoiseSampler] the sampler renoise draws noise at every step: it needs its seeds");
}

at::Tensor RenoiseSampler::step(const at::Tensor& velocity, int64_t i, const at::Tensor& x) {
  begin_step(velocity, i, x);
  const at::Tensor x0 = x.sub(velocity.to(x.scalar_type()), sigmas()[i]);
  const double next = sigmas()[i + 1];
  return next == 0 ? x0 : x0.mul(1.0 - next).add(noise_(i, x0), next);
}

}  // namespace lintorch::diffusion
