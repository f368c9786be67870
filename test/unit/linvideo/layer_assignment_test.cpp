#include "lintorch/linvideo/layer_assignment.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

std::string fixed(SelectionKind selection, int64_t target, int64_t num_layers, uint64_t seed = 0,
                  std::vector<int64_t> layers = {}) {
  SelectiveTransferConfig config;
  config.selection = selection;
  config.target = target;
  config.linear_layers = std::move(layers);
  return describe_linear_layers(assign_fixed(config, num_layers, seed));
}

}  // namespace

TEST_CASE("exactly target layers become linear, those with the smallest gates", "[layer_assignment]") {
  const at::Tensor gates = torch::tensor({0.9, 0.1, 0.6, 0.3, 0.6});
  CHECK(describe_linear_layers(assign_smallest(gates, 2)) == "1, 3");
  CHECK(describe_linear_layers(assign_smallest(gates, 3)) == "1, 2, 3");  // tie: the earlier layer
  for (int64_t target = 0; target <= 5; ++target) CHECK(count_linear(assign_smallest(gates, target)) == target);
  CHECK(count_linear(assign_smallest(torch::ones({30}), 16)) == 16);
}

TEST_CASE("selections that do not learn take the layers they name", "[layer_assignment]") {
  CHECK(fixed(SelectionKind::kFirst, 3, 8) == "0, 1, 2");
  CHECK(fixed(SelectionKind::kLast, 3, 8) == "5, 6, 7");
  CHECK(fixed(SelectionKind::kUniform, 4, 8) == "1, 3, 5, 7");
  CHECK(fixed(SelectionKind::kUniform, 3, 8) == "1, 4, 7");
  CHECK(fixed(SelectionKind::kManual, 2, 8, 0, {5, 1}) == "1, 5");
  CHECK(fixed(SelectionKind::kRandom, 8, 8) == "0, 1, 2, 3, 4, 5, 6, 7");
  CHECK(fixed(SelectionKind::kRandom, 4, 8, 1) == fixed(SelectionKind::kRandom, 4, 8, 1));
  CHECK(fixed(SelectionKind::kRandom, 15, 30, 1) != fixed(SelectionKind::kRandom, 15, 30, 2));
}

TEST_CASE("targets and layer numbers that do not fit are refused", "[layer_assignment]") {
  CHECK_THROWS_WITH(fixed(SelectionKind::kFirst, 9, 8), Catch::Contains("target: expected at most 8"));
  CHECK_THROWS_WITH(fixed(SelectionKind::kManual, 2, 8, 0, {1, 8}), Catch::Contains("linear_layers"));
  CHECK_THROWS_WITH(fixed(SelectionKind::kManual, 2, 8, 0, {1, 1}), Catch::Contains("2 different numbers in [0,8)"));
  CHECK_THROWS_WITH(fixed(SelectionKind::kManual, 3, 8, 0, {1, 2}), Catch::Contains("target = 3"));
}
