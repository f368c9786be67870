#include "lintorch/eval/video_metrics.h"

#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch::eval;

TEST_CASE("psnr follows its formula for a range of 2", "[video_metrics]") {
  const auto video = torch::zeros({3, 4, 8, 8});
  CHECK(psnr(video + 0.2, video) == Approx(10 * std::log10(4 / 0.04)).epsilon(1e-6));
  CHECK(std::isinf(psnr(video, video)));
  CHECK_THROWS_AS(psnr(video, torch::zeros({3, 5, 8, 8})), lintorch::Error);
}

TEST_CASE("ssim is 1 for equal videos and falls with noise", "[video_metrics]") {
  torch::manual_seed(0);
  const auto video = torch::rand({3, 2, 24, 24}) * 2 - 1;
  CHECK(ssim(video, video) == Approx(1.0));
  const double little = ssim(video + 0.05 * torch::randn_like(video), video);
  const double much = ssim(video + 0.5 * torch::randn_like(video), video);
  CHECK(little < 1);
  CHECK(much < little);
}

TEST_CASE("temporal_flicker ignores steady change and sees alternation", "[video_metrics]") {
  const auto ramp = torch::linspace(-1, 1, 9).view({1, 9, 1, 1}).expand({3, 9, 4, 4});
  CHECK(temporal_flicker(ramp) == Approx(0).margin(1e-7));
  const auto alternating =
      (torch::arange(9).remainder(2) * 2 - 1).to(torch::kFloat).view({1, 9, 1, 1}).expand({3, 9, 4, 4});
  CHECK(temporal_flicker(alternating) == Approx(1.0));
  CHECK(temporal_flicker(torch::rand({3, 2, 4, 4})) == 0);
}

TEST_CASE("ssim of one window is the formula of Wang et al.", "[video_metrics]") {
  torch::manual_seed(5);
  const auto x = torch::rand({3, 1, 11, 11}, torch::kDouble) * 2 - 1, y = (x + 0.3 * torch::randn_like(x)).clamp(-1, 1);
  const auto luma = [](const at::Tensor& v, int row, int column) {
    const double weights[] = {0.299, 0.587, 0.114};
    double sum = 0;
    for (int c = 0; c < 3; ++c) sum += weights[c] * (v[c][0][row][column].item<double>() + 1) / 2;
    return sum;
  };
  double total = 0, mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
  for (int i = 0; i < 11; ++i)
    for (int j = 0; j < 11; ++j) {
      const double w = std::exp(-((i - 5) * (i - 5) + (j - 5) * (j - 5)) / (2 * 1.5 * 1.5));
      const double a = luma(x, i, j), b = luma(y, i, j);
      total += w, mean_x += w * a, mean_y += w * b, xx += w * a * a, yy += w * b * b, xy += w * a * b;
    }
  mean_x /= total, mean_y /= total;
  const double var_x = xx / total - mean_x * mean_x, var_y = yy / total - mean_y * mean_y,
               covariance = xy / total - mean_x * mean_y;
  const double expected = (2 * mean_x * mean_y + 1e-4) * (2 * covariance + 9e-4) /
                          ((mean_x * mean_x + mean_y * mean_y + 1e-4) * (var_x + var_y + 9e-4));
  CHECK(ssim(x, y) == Approx(expected).epsilon(1e-10));
}
