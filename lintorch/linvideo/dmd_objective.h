#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/state_batch.h"

namespace lintorch::linvideo {

/// L_DMD = scale matching_loss(x^_0, d): brings the distribution of the student's clean samples to the teacher's, at
/// t = 0 only. x^_0 = x_{t'} - t' u^ is made by one network output; it is noised at random times t in [min_t, max_t],
///
///   x_t = (1 - t) x^_0 + t noise,   d = (x_0 by fake score - x_0 by real score) / mean |x^_0 - x_0 by real score|,
///
/// where x_0 = x_t - t u, the real score is the teacher's and the fake one that of a network trained on the student's
/// x^_0. x0_hat_BCTHW: samples of the student, with gradients; `fake_score` and `teacher` are evaluated once each without
/// gradients, at 1000 t and the text of the samples.
/// Source: DMD (arXiv:2311.18828) Eq. 7, 8; a baseline of LinVideo (arXiv:2510.08318), Table 4.
at::Tensor dmd_objective(const at::Tensor& x0_hat_BCTHW, const at::Tensor& text_BSD, const VelocityFunction& fake_score,
                         const VelocityFunction& teacher, const DmdConfig& config, double shift,
                         at::Generator& generator);

}  // namespace lintorch::linvideo
