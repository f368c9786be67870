#pragma once

#include "lintorch/diffusion/sampler.h"

namespace lintorch::diffusion {

/// UniPC of order 2 (bh2, x0 prediction): a predictor to s_{i+1}, corrected when the prediction there is known.
/// The first and the last step have order 1; the last one returns the x0 prediction.
/// Coefficients are computed in double precision, tensors keep x's type.
/// Source: UniPC (arXiv:2302.04867). Reference: wan/utils/fm_solvers_unipc.py.
class UniPcSampler : public Sampler {
 public:
  explicit UniPcSampler(std::vector<double> sigmas, bool round_sigmas_to_fp32 = false);
  at::Tensor step(const at::Tensor& velocity, int64_t i, const at::Tensor& x) override;

 private:
  int order_at(int64_t i) const;

  at::Tensor last_x_;                // corrected x of the previous step
  at::Tensor last_x0_, earlier_x0_;  // m_{i-1}, m_{i-2}
};

}  // namespace lintorch::diffusion
