#include "lintorch/diffusion/flow_match_schedule.h"

#include <ATen/TensorOperators.h>

#include <limits>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"

namespace lintorch::diffusion {

double shift_time(double t, double shift) { return shift * t / (1.0 + (shift - 1.0) * t); }

at::Tensor shift_time(const at::Tensor& t, double shift) { return shift * t / (1.0 + (shift - 1.0) * t); }

namespace {

void check_schedule(int64_t steps, double shift) {
  LT_CHECK(steps >= 1, ConfigError, "[make_sigmas] expected at least 1 sampling step, got {}", steps);
  LT_CHECK(shift > 0, ConfigError, "[make_sigmas] expected a positive flow shift, got {}", shift);
}

}  // namespace

std::vector<double> make_sigmas(int64_t steps, double shift, SigmaConvention convention) {
  check_schedule(steps, shift);
  const bool wan = convention == SigmaConvention::kWan;
  const double first = wan ? 0.999 : 1.0;
  const double end = wan ? 0.0 : 0.001;
  std::vector<double> sigmas;
  sigmas.reserve(steps + 1);
  for (int64_t i = 0; i < steps; ++i)
    sigmas.push_back(shift_time(first + (end - first) * static_cast<double>(i) / static_cast<double>(steps), shift));
  // lambda = ln((1 - s) / s) must stay finite at the first step.
  if (!wan) sigmas.front() = 1.0 - 1e-6;
  sigmas.push_back(0.0);
  return sigmas;
}

std::vector<double> euler_diffusers_sigmas(int64_t steps, double shift) {
  check_schedule(steps, shift);
  const double last = static_cast<float>(shift_time(0.001, shift));
  std::vector<double> sigmas;
  sigmas.reserve(steps + 1);
  for (int64_t i = 0; i < steps; ++i) {
    const double part = steps == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(steps - 1);
    sigmas.push_back(shift_time(1.0 + (last - 1.0) * part, shift));
  }
  sigmas.push_back(0.0);
  return sigmas;
}

std::vector<double> warp_steps(const std::vector<double>& steps, double shift) {
  LT_CHECK(!steps.empty(), ConfigError, "[warp_steps] expected at least one step, got none");
  LT_CHECK(shift > 0, ConfigError, "[warp_steps] expected a positive flow shift, got {}", shift);
  std::vector<double> times;
  double previous = std::numeric_limits<double>::infinity();
  for (const double step : steps) {
    LT_CHECK(step > 0 && step <= 1000 && step < previous, ConfigError,
             "[warp_steps] expected falling steps in (0, 1000], got {}", step);
    times.push_back(shift_time(step / 1000, shift));
    previous = step;
  }
  return times;
}

std::vector<double> even_times(int64_t steps, double shift) {
  check_schedule(steps, shift);
  std::vector<double> times;
  for (int64_t i = 0; i < steps; ++i)
    times.push_back(shift_time(1.0 - static_cast<double>(i) / static_cast<double>(steps), shift));
  return times;
}

at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& t_B) {
  check_shape(noise, x0.sizes().vec(), "add_noise: noise");
  check_shape(t_B, {x0.size(0)}, "add_noise: t");
  std::vector<int64_t> shape(x0.dim(), 1);
  shape[0] = x0.size(0);
  const at::Tensor t = t_B.to(x0.device()).view(shape);
  return ((1.0 - t) * x0 + t * noise).to(x0.scalar_type());
}

at::Tensor velocity_target(const at::Tensor& x0, const at::Tensor& noise) {
  check_shape(noise, x0.sizes().vec(), "velocity_target: noise");
  return noise - x0;
}

}  // namespace lintorch::diffusion
