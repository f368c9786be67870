#include "lintorch/eval/video_metrics.h"

#include <array>
#include <cmath>
#include <limits>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"

namespace lintorch::eval {

namespace {

/// Luma of each frame in [0, 1]: [F, H, W] in fp64, Rec. 601 weights.
at::Tensor luma(const at::Tensor& video_CFHW) {
  const auto x = (video_CFHW.to(at::kDouble) + 1) / 2;
  return 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2];
}

/// The window of 11 x 11 with sigma 1.5 is the product of its line with itself.
std::array<double, 11> gaussian_line() {
  std::array<double, 11> line{};
  double sum = 0;
  for (int i = 0; i < 11; ++i) sum += line[i] = std::exp(-(i - 5) * (i - 5) / (2 * 1.5 * 1.5));
  for (double& weight : line) weight /= sum;
  return line;
}

/// Weighted mean over the window around every pixel that has a whole one: [F, H, W] -> [F, H - 10, W - 10].
at::Tensor blur(at::Tensor image) {
  const auto line = gaussian_line();
  for (const int64_t dim : {1, 2}) {
    const int64_t size = image.size(dim) - 10;
    at::Tensor sum = line[0] * image.narrow(dim, 0, size);
    for (int64_t i = 1; i < 11; ++i) sum.add_(image.narrow(dim, i, size), line[i]);
    image = sum;
  }
  return image;
}

}  // namespace

double psnr(const at::Tensor& video_CFHW, const at::Tensor& reference_CFHW) {
  check_shape(video_CFHW, reference_CFHW.sizes().vec(), "psnr");
  const double mse = (video_CFHW.to(at::kDouble) - reference_CFHW.to(at::kDouble)).square().mean().item<double>();
  return mse == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(4 / mse);
}

double ssim(const at::Tensor& video_CFHW, const at::Tensor& reference_CFHW) {
  check_shape(video_CFHW, reference_CFHW.sizes().vec(), "ssim");
  LT_CHECK(video_CFHW.size(2) > 10 && video_CFHW.size(3) > 10, Error,
           "[ssim] expected frames of at least 11 x 11 pixels, got {} x {}", video_CFHW.size(3), video_CFHW.size(2));
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
