#include "lintorch/diffusion/unipc_coefficients.h"

#include <cmath>

#include "lintorch/core/error.h"

namespace lintorch::diffusion {
namespace {

double log_snr(double sigma) { return std::log1p(-sigma) - std::log(sigma); }

}  // namespace

UniPcUpdate unipc_predictor(const std::vector<double>& sigmas, int64_t i, int order) {
  const double s0 = sigmas.at(i), s = sigmas.at(i + 1);
  if (s == 0) {
    LT_ASSERT(order == 1);
    return {0.0, {1.0}};
  }
  const double h = log_snr(s) - log_snr(s0);
  const double alpha_b = (1 - s) * std::expm1(-h);
  if (order == 1) return {s / s0, {-alpha_b}};
  const double r = (log_snr(sigmas.at(i - 1)) - log_snr(s0)) / h;
  const double c = 0.5 / r;
  return {s / s0, {-alpha_b * (1 - c), -alpha_b * c}};
}

UniPcUpdate unipc_corrector(const std::vector<double>& sigmas, int64_t i, int order) {
  const double s0 = sigmas.at(i - 1), s = sigmas.at(i);
  LT_ASSERT(s > 0);
  const double h = log_snr(s) - log_snr(s0), g = -h;
  const double b = std::expm1(g), alpha_b = (1 - s) * b;
  if (order == 1) return {s / s0, {-alpha_b * 0.5, -alpha_b * 0.5}};
  const double r = (log_snr(sigmas.at(i - 2)) - log_snr(s0)) / h;
  const double b1 = (b / g - 1) / b;
  const double b2 = 2 * ((b / g - 1) / g - 0.5) / b;
  const double c1 = (b1 - b2) / (1 - r), c2 = b1 - c1;
  return {s / s0, {-alpha_b * (1 - c1 / r - c2), -alpha_b * c2, -alpha_b * c1 / r}};
}

}  // namespace lintorch::diffusion
