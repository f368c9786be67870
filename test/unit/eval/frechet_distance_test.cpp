#include "lintorch/eval/frechet_distance.h"

#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch;
using namespace lintorch::eval;

TEST_CASE("frechet_distance of one-dimensional Gaussians is (m1-m2)^2 + (s1-s2)^2", "[frechet_distance]") {
  const auto gaussian = [](double mean, double deviation) {
    return FeatureStatistics{torch::tensor({mean}, torch::kDouble),
                             torch::tensor({{deviation * deviation}}, torch::kDouble), 2};
  };
  CHECK(frechet_distance(gaussian(1, 2), gaussian(4, 0.5)) == Approx(9 + 2.25).epsilon(1e-12));
  CHECK(frechet_distance(gaussian(1, 2), gaussian(1, 2)) == Approx(0).margin(1e-12));
}

TEST_CASE("frechet_distance adds up over independent coordinates after a rotation", "[frechet_distance]") {
  torch::manual_seed(0);
  const auto rotation = std::get<0>(torch::linalg_qr(torch::randn({5, 5}, torch::kDouble)));
  const auto m1 = torch::randn({5}, torch::kDouble), m2 = torch::randn({5}, torch::kDouble);
  const auto s1 = torch::rand({5}, torch::kDouble) + 0.1, s2 = torch::rand({5}, torch::kDouble) + 0.1;
  const auto turned = [&](const torch::Tensor& m, const torch::Tensor& s) {
    return FeatureStatistics{rotation.matmul(m), rotation.matmul(torch::diag(s * s)).matmul(rotation.t()), 2};
  };
  const double expected = ((m1 - m2).square().sum() + (s1 - s2).square().sum()).item<double>();
  CHECK(frechet_distance(turned(m1, s1), turned(m2, s2)) == Approx(expected).epsilon(1e-10));
}

TEST_CASE("feature_statistics matches torch.cov and refuses a single sample", "[frechet_distance]") {
  torch::manual_seed(1);
  const auto x = torch::randn({40, 3}, torch::kDouble);
  const auto statistics = feature_statistics(x);
  CHECK(torch::allclose(statistics.covariance, torch::cov(x.t()), 1e-12, 1e-12));
  CHECK(statistics.count == 40);
  CHECK_THROWS_AS(feature_statistics(x.slice(0, 0, 1)), Error);
}
