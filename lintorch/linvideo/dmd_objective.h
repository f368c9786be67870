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
/// x^_0. velocity_hat_BCTHW: the student's velocity at the states of the batch, with gradients; `fake_score` and
/// `teacher` are evaluated once each without gradients.
///
/// Choice: DMD lets a few-step generator run to its end; here x^_0 comes from whatever time the state has, and no
/// gradient goes through the trajectory before it.
/// Source: DMD (arXiv:2311.18828) Eq. 7, 8; a baseline of LinVideo (arXiv:2510.08318), Table 4.
at::Tensor dmd_objective(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW,
                         const VelocityFunction& fake_score, const VelocityFunction& teacher, const DmdConfig& config,
                         double shift, at::Generator& generator);

}  // namespace lintorch::linvideo
