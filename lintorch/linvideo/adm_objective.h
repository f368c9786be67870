#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/state_batch.h"

namespace lintorch::linvideo {

// Anytime distribution matching (ADM): brings the distribution q_t of the student's samples x^_t to the teacher's p_t at
// every t. u, u^: velocities of teacher and student.

/// s_t - s^_t = -(1 - t)/t (u - u^): difference of the scores of two rectified flows at one point.
///
/// t_B in (0,1). Source: LinVideo (arXiv:2510.08318) Eq. 13.
at::Tensor score_difference(const at::Tensor& velocity_BCTHW, const at::Tensor& velocity_hat_BCTHW,
                            const at::Tensor& t_B);

/// Times t < t' at which x^_t is judged.
///   euler:    t = t' - min(euler_step, t'/2), or the next grid time (kept at t'/2 or above) for euler_step = 0
///   renoise:  random_times in [min_t, max_t]
at::Tensor adm_times(const StateBatch& batch, const AdmConfig& config, double shift, at::Generator& generator);

/// x^_t, a differentiable function of one velocity u^(x_{t'}, t') of the student.
///   euler:    x^_t = x_{t'} + (t - t') u^
///   renoise:  x^_0 = x_{t'} - t' u^,  x^_t = (1 - t) x^_0 + t noise
///
/// Choice: the paper does not say how x^_t is formed; `reading` selects.
at::Tensor adm_sample(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW, const at::Tensor& t_B,
                      AdmReading reading, at::Generator& generator);

/// d, the gradient that ADM puts on x^_t, from velocities at (x^_t, t); the caller holds no gradients of it.
///   uniform        d = u - u^
///   score          d = (1 - t)/t (u - u^) = -(s_t - s^_t), t clamped to [min_t, max_t]
///   x0_normalized  x0_normalized_difference (DMD's), with x^_0 the student's estimate at (x_{t'}, t')
///
/// x0_hat_BCTHW is read for x0_normalized only.
at::Tensor adm_gradient(const at::Tensor& velocity_BCTHW, const at::Tensor& velocity_hat_BCTHW,
                        const at::Tensor& x_hat_BCTHW, const at::Tensor& x0_hat_BCTHW, const at::Tensor& t_B,
                        const AdmConfig& config);

/// L_ADM = scale matching_loss(x^_t, d) at the states of a batch. velocity_hat_BCTHW: the student's velocity there, with
/// gradients; `student_score` (the student itself, or what stands in for it: ScoreSource) and `teacher` are evaluated
/// once each at (x^_t, t), without gradients.
///
/// Source: LinVideo (arXiv:2510.08318) Eq. 11-13.
at::Tensor adm_objective(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW,
                         const VelocityFunction& student_score, const VelocityFunction& teacher,
                         const AdmConfig& config, double shift, at::Generator& generator);

}  // namespace lintorch::linvideo
