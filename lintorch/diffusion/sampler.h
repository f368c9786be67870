#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "lintorch/core/enum_names.h"
#include "lintorch/diffusion/flow_match_schedule.h"

namespace lintorch::diffusion {

/// Goes from noise (s = 1) to data (s = 0) with one network evaluation per step: a solver of dx/ds = v(x, s), or, for
/// few-step models, the sampler they are trained with:
///
///   for (int64_t i = 0; i < sampler->num_steps(); ++i) x = sampler->step(network(x, sampler->timestep(i)), i, x);
///
/// Works on whatever device and type x has (latents are kept in fp32).
class Sampler {
 public:
  virtual ~Sampler() = default;

  /// num_steps() + 1 falling flow times in [0, 1], the last one 0.
  const std::vector<double>& sigmas() const { return sigmas_; }
  int64_t num_steps() const { return static_cast<int64_t>(timesteps_.size()); }

  /// What the network is told at step i: 1000 sigma, truncated to an integer (except by Euler under kDiffusers, whose
  /// reference does not, and where times are given). The solver itself uses the exact sigma.
  double timestep(int64_t i) const { return timesteps_.at(i); }

  /// Goes from sigma_i to sigma_{i+1}. velocity: the network's v(x, s_i), of x's shape. Returns a tensor of x's type.
  /// Steps are taken in order; step 0 starts a new run. Throws Error for a step out of order.
  virtual at::Tensor step(const at::Tensor& velocity, int64_t i, const at::Tensor& x) = 0;

 protected:
  /// Throws ConfigError unless sigmas are at least two falling values in [0, 1] that end with 0.
  Sampler(std::vector<double> sigmas, bool round_sigmas_to_fp32, bool whole_timesteps = true);

  /// Checks that step i is due and that the shapes agree.
  void begin_step(const at::Tensor& velocity, int64_t i, const at::Tensor& x);

 private:
  std::vector<double> sigmas_;
  std::vector<double> timesteps_;
  int64_t next_step_ = 0;
};

/// kRenoise is the stochastic sampler of few-step models (renoise_sampler.h); the other two solve the ODE.
enum class SamplerKind { kEuler, kUniPc, kRenoise };

/// Standard normal noise of the shape, dtype and device of `like`, for the end of a step (renoise). Draws of different
/// steps are independent.
using NoiseSource = std::function<at::Tensor(int64_t step, const at::Tensor& like)>;

/// The sampler for `steps` steps of the flow times that SigmaConvention tells.
/// Under kDiffusers the solver's sigmas are rounded to fp32 as Diffusers stores them (1 - s loses digits near s = 1,
/// which shows in the first steps of UniPC). kRenoise takes even_times(steps, shift) under both conventions, and needs
/// `noise`. Throws ConfigError for steps < 1, shift <= 0, or a missing noise source.
std::unique_ptr<Sampler> make_sampler(SamplerKind kind, int64_t steps, double shift,
                                      SigmaConvention convention = SigmaConvention::kWan,
                                      const NoiseSource& noise = {});

/// The sampler that evaluates the network at exactly these falling flow times in (0, 1], and tells it 1000 t unrounded:
/// what a few-step model was distilled for. Throws ConfigError for other times, and for UniPC, which cannot start at 1.
std::unique_ptr<Sampler> make_sampler(SamplerKind kind, std::vector<double> times, const NoiseSource& noise = {});

}  // namespace lintorch::diffusion

template <>
struct lintorch::EnumNames<lintorch::diffusion::SamplerKind> {
  static constexpr std::pair<diffusion::SamplerKind, std::string_view> table[] = {
      {diffusion::SamplerKind::kEuler, "euler"},
      {diffusion::SamplerKind::kUniPc, "unipc"},
      {diffusion::SamplerKind::kRenoise, "renoise"}};
};
