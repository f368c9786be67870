#include "lintorch/diffusion/unipc_sampler.h"

#include <algorithm>

#include "lintorch/diffusion/unipc_coefficients.h"

namespace lintorch::diffusion {
namespace {

at::Tensor apply(const UniPcUpdate& update, const at::Tensor& x, std::initializer_list<at::Tensor> predictions) {
  at::Tensor result = x.mul(update.x);
  size_t j = 0;
  for (const auto& prediction : predictions) {
    if (j == update.m.size()) break;
    result.add_(prediction, update.m[j++]);
  }
  return result;
}

}  // namespace

UniPcSampler::UniPcSampler(std::vector<double> sigmas, bool round_sigmas_to_fp32)
    : Sampler(std::move(sigmas), round_sigmas_to_fp32) {}

int UniPcSampler::order_at(int64_t i) const { return static_cast<int>(std::min({int64_t{2}, num_steps() - i, i + 1})); }

at::Tensor UniPcSampler::step(const at::Tensor& velocity, int64_t i, const at::Tensor& x) {
  begin_step(velocity, i, x);
  if (i == 0) last_x_ = last_x0_ = earlier_x0_ = at::Tensor();

  const at::Tensor x0 = x.sub(velocity.to(x.scalar_type()), sigmas()[i]);
  at::Tensor corrected = x;
  if (i > 0) corrected = apply(unipc_corrector(sigmas(), i, order_at(i - 1)), last_x_, {last_x0_, x0, earlier_x0_});
  at::Tensor next = apply(unipc_predictor(sigmas(), i, order_at(i)), corrected, {x0, last_x0_});

  last_x_ = corrected;
  earlier_x0_ = last_x0_;
  last_x0_ = x0;
  return next;
}

}  // namespace lintorch::diffusion
