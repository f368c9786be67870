#include "lintorch/eval/diversity.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch;

TEST_CASE("diversity is the mean over all pairs, by its definition", "[diversity]") {
  torch::manual_seed(1);
  const at::Tensor samples = torch::randn({4, 3, 2, 5});
  double sum = 0;
  for (int a = 0; a < 4; ++a)
    for (int b = a + 1; b < 4; ++b)
      sum += (samples[a].to(torch::kDouble) - samples[b].to(torch::kDouble)).square().sum().sqrt().item<double>();
  CHECK(eval::mean_pair_distance(samples) == Approx(sum / 6).epsilon(1e-12));
  CHECK(eval::mean_pair_rms(samples) == Approx(sum / 6 / std::sqrt(30.0)).epsilon(1e-12));
  CHECK(eval::mean_pair_distance(samples.slice(0, 0, 1).expand({3, 3, 2, 5})) == 0);
  CHECK_THROWS_WITH(eval::mean_pair_distance(samples.slice(0, 0, 1)), Catch::Contains("at least 2 samples"));
}
