#include "lintorch/diffusion/sampler.h"

#include <algorithm>
#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/diffusion/euler_sampler.h"
#include "lintorch/diffusion/renoise_sampler.h"
#include "lintorch/diffusion/unipc_sampler.h"

namespace lintorch::diffusion {

Sampler::Sampler(std::vector<double> sigmas, bool round_sigmas_to_fp32, bool whole_timesteps)
    : sigmas_(std::move(sigmas)) {
  const bool falling = std::is_sorted(sigmas_.rbegin(), sigmas_.rend(), std::less_equal<>());
  LT_CHECK(sigmas_.size() >= 2 && falling && sigmas_.front() <= 1 && sigmas_.back() == 0, ConfigError,
           "[Sampler] expected at least two falling sigmas from at most 1 to 0, got {} values", sigmas_.size());
  for (size_t i = 0; i + 1 < sigmas_.size(); ++i)
    timesteps_.push_back(whole_timesteps ? std::trunc(1000.0 * sigmas_[i])
                                         : static_cast<double>(1000.0F * static_cast<float>(sigmas_[i])));
  if (round_sigmas_to_fp32)
    for (double& sigma : sigmas_) sigma = static_cast<float>(sigma);
}

void Sampler::begin_step(const at::Tensor& velocity, int64_t i, const at::Tensor& x) {
  LT_CHECK(i == 0 || i == next_step_, Error, "[Sampler::step] expected step {} or a new run from step 0, got step {}",
           next_step_, i);
  LT_CHECK(i < num_steps(), Error, "[Sampler::step] expected a step below {}, got {}", num_steps(), i);
  check_shape(velocity, x.sizes().vec(), "Sampler::step: velocity");
  next_step_ = i + 1;
}

std::unique_ptr<Sampler> make_sampler(SamplerKind kind, int64_t steps, double shift, SigmaConvention convention,
                                      const NoiseSource& noise) {
  if (kind == SamplerKind::kRenoise) return make_sampler(kind, even_times(steps, shift), noise);
  const bool diffusers = convention == SigmaConvention::kDiffusers;
  if (kind == SamplerKind::kUniPc)
    return std::make_unique<UniPcSampler>(make_sigmas(steps, shift, convention), diffusers);
  return std::make_unique<EulerSampler>(
      diffusers ? euler_diffusers_sigmas(steps, shift) : make_sigmas(steps, shift, convention), diffusers);
}

std::unique_ptr<Sampler> make_sampler(SamplerKind kind, std::vector<double> times, const NoiseSource& noise) {
  LT_CHECK(kind != SamplerKind::kUniPc, ConfigError,
           "[make_sampler] expected sampler euler or renoise for given times, got unipc");
  times.push_back(0);
  if (kind == SamplerKind::kEuler) return std::make_unique<EulerSampler>(std::move(times), /*as_diffusers=*/true);
  return std::make_unique<RenoiseSampler>(std::move(times), noise);
}

}  // namespace lintorch::diffusion
