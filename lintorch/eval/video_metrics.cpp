#include "lintorch/eval/video_metrics.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>

#include "lintorch/core/shape_check.h"

namespace lintorch::eval {

namespace {

/// Luma of each frame in [0, 1]: [F, 1, H, W] in fp64, Rec. 601 weights.
at::Tensor luma(const at::Tensor& video_CFHW) {
  const auto x = (video_CFHW.to(at::kCPU, at::kDouble) + 1) / 2;
  return (0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]).unsqueeze(1);
}

at::Tensor gaussian_window() {
  const auto offsets = at::arange(11, at::kDouble) - 5;
  auto line = at::exp(-offsets.square() / (2 * 1.5 * 1.5));
  line = line / line.sum();
  return at::outer(line, line).reshape({1, 1, 11, 11});
}

}  // namespace

double psnr(const at::Tensor& video_CFHW, const at::Tensor& reference_CFHW) {
  check_shape(video_CFHW, reference_CFHW.sizes().vec(), "psnr");
  const double mse = (video_CFHW.to(at::kDouble) - reference_CFHW.to(at::kDouble)).square().mean().item<double>();
  return mse == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(4 / mse);
}

double ssim(const at::Tensor& video_CFHW, const at::Tensor& reference_CFHW) {
  check_shape(video_CFHW, reference_CFHW.sizes().vec(), "ssim");
  const auto window = gaussian_window();
  const auto blur = [&](const at::Tensor& image) { return at::conv2d(image, window); };
  const auto x = luma(video_CFHW);
  const auto y = luma(reference_CFHW);
  const auto mean_x = blur(x);
  const auto mean_y = blur(y);
  const auto var_x = blur(x * x) - mean_x * mean_x;
  const auto var_y = blur(y * y) - mean_y * mean_y;
  const auto covariance = blur(x * y) - mean_x * mean_y;
  constexpr double c1 = 0.01 * 0.01;
  constexpr double c2 = 0.03 * 0.03;
  const auto map = (2 * mean_x * mean_y + c1) * (2 * covariance + c2) /
                   ((mean_x * mean_x + mean_y * mean_y + c1) * (var_x + var_y + c2));
  return map.mean().item<double>();
}

double temporal_flicker(const at::Tensor& video_CFHW) {
  const int64_t frames = video_CFHW.size(1);
  if (frames < 3) return 0;
  const auto x = video_CFHW.to(at::kDouble);
  const auto second = x.slice(1, 0, frames - 2) - 2 * x.slice(1, 1, frames - 1) + x.slice(1, 2, frames);
  return second.abs().mean().item<double>() / 4;
}

}  // namespace lintorch::eval
