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
