#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "lintorch/linvideo/state_batch.h"

namespace lintorch::linvideo {

// What ADM (adm_objective.h) and DMD (dmd_objective.h) share. u, u^: velocities of teacher and student.

/// A time for each sample, uniform in (0,1), shifted as the sampling grid is, clamped to [min_t, max_t]. like_B: sets
/// batch, dtype and device.
at::Tensor random_times(const at::Tensor& like_B, double min_t, double max_t, double shift, at::Generator& generator);

/// An empty vector [B] in the dtype and on the device of a batch, for random_times.
at::Tensor one_per_sample(const at::Tensor& like_BCTHW);

/// Standard normal noise of the shape, dtype and device of `like`, drawn in fp32 on the CPU.
at::Tensor draw_noise(const at::Tensor& like, at::Generator& generator);

/// x^_0 = x_{t'} - t' u^(x_{t'}, t'): the student's estimate of the clean sample, by one network output.
at::Tensor clean_estimate(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW);

/// d = t (u - u^) / mean |x^_0 - x_0|: the student's estimate of the clean sample from (x_t, t) subtracted from the
/// teacher's, over the distance of x^_0 from the teacher's estimate x_0 = x_t - t u; the mean runs over each sample.
///
/// Source: DMD (arXiv:2311.18828) Eq. 8.
at::Tensor x0_normalized_difference(const at::Tensor& velocity_BCTHW, const at::Tensor& velocity_hat_BCTHW,
                                    const at::Tensor& x_BCTHW, const at::Tensor& x0_hat_BCTHW, const at::Tensor& t_B);

/// L = 1/2 mean || x^ - stopgrad(x^ - d) ||^2; its gradient with respect to x^ is d / numel.
at::Tensor matching_loss(const at::Tensor& x_hat_BCTHW, const at::Tensor& d_BCTHW);

}  // namespace lintorch::linvideo
