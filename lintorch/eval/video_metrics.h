#pragma once

#include <ATen/core/Tensor.h>

namespace lintorch::eval {

// Videos are [3, F, H, W] with values in [-1, 1]. All figures are computed in fp64 where the videos are.

/// Peak signal-to-noise ratio in dB over all frames, peak-to-peak range 2: 10 log10(4 / mse). Infinite when equal.
double psnr(const at::Tensor& video_CFHW, const at::Tensor& reference_CFHW);

/// Structural similarity, mean over frames of the luma image: Gaussian window 11, sigma 1.5, K1 = 0.01, K2 = 0.03
/// (Wang et al. 2004). 1 = equal.
double ssim(const at::Tensor& video_CFHW, const at::Tensor& reference_CFHW);

/// Temporal flicker: mean |x_{f-1} - 2 x_f + x_{f+1}| / 4 over pixels and inner frames (0 = none, 1 = full-range
/// alternation).
/// Steady motion cancels to first order; jitter and brightness jumps do not. Needs at least 3 frames, else 0.
double temporal_flicker(const at::Tensor& video_CFHW);

}  // namespace lintorch::eval
