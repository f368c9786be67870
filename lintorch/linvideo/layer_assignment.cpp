#include "lintorch/linvideo/layer_assignment.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <numeric>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"

namespace lintorch::linvideo {

namespace {

LayerAssignment linear_at(const std::vector<int64_t>& layers, int64_t num_layers) {
  LayerAssignment assignment(num_layers, wan::AttentionKind::kSoftmax);
  for (const int64_t layer : layers) assignment[layer] = wan::AttentionKind::kLinear;
  return assignment;
}

/// `target` layers of `num_layers`, evenly spread and as late as possible, e.g. 4 of 8: 1, 3, 5, 7.
std::vector<int64_t> spread_layers(int64_t target, int64_t num_layers) {
  std::vector<int64_t> layers;
  for (int64_t i = 0; i < target; ++i) layers.push_back((i + 1) * num_layers / target - 1);
  return layers;
}

}  // namespace

LayerAssignment assign_smallest(const at::Tensor& values, int64_t target) {
  const at::Tensor host = values.detach().to(at::kCPU, at::kDouble).contiguous();
  const double* value = host.const_data_ptr<double>();
  std::vector<int64_t> order(host.numel());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return value[a] < value[b]; });
  LT_ASSERT(target >= 0 && target <= host.numel());
  order.resize(target);
  return linear_at(order, host.numel());
}

LayerAssignment assign_fixed(const SelectiveTransferConfig& config, int64_t num_layers, uint64_t seed) {
  LT_CHECK(config.target <= num_layers, ConfigError,
           "selective_transfer.target: expected at most {} (the teacher's layers), got {}", num_layers, config.target);
  std::vector<int64_t> layers(config.target);
  switch (config.selection) {
    case SelectionKind::kLearned:
    case SelectionKind::kGreedy:
      LT_ASSERT(false);
      break;
    case SelectionKind::kFirst:
      std::iota(layers.begin(), layers.end(), 0);
      break;
    case SelectionKind::kLast:
      std::iota(layers.begin(), layers.end(), num_layers - config.target);
      break;
    case SelectionKind::kUniform:
      layers = spread_layers(config.target, num_layers);
      break;
    case SelectionKind::kRandom: {
      auto generator = make_generator(seed);
      const at::Tensor order = at::randperm(num_layers, generator, at::TensorOptions(at::kLong));
      std::copy_n(order.const_data_ptr<int64_t>(), config.target, layers.begin());
      break;
    }
    case SelectionKind::kManual: {
      layers = config.linear_layers;
      std::sort(layers.begin(), layers.end());
      const bool distinct = std::adjacent_find(layers.begin(), layers.end()) == layers.end();
      const bool in_range = layers.empty() || (layers.front() >= 0 && layers.back() < num_layers);
      LT_CHECK(distinct && in_range && static_cast<int64_t>(layers.size()) == config.target, ConfigError,
               "selective_transfer.linear_layers: expected target = {} different numbers in [0,{}), got [{}]",
               config.target, num_layers, fmt::join(config.linear_layers, ", "));
    }
  }
  return linear_at(layers, num_layers);
}

std::string describe_linear_layers(const LayerAssignment& assignment) {
  std::vector<size_t> layers;
  for (size_t i = 0; i < assignment.size(); ++i)
    if (assignment[i] == wan::AttentionKind::kLinear) layers.push_back(i);
  return fmt::format("{}", fmt::join(layers, ", "));
}

int64_t count_linear(const LayerAssignment& assignment) {
  return std::count(assignment.begin(), assignment.end(), wan::AttentionKind::kLinear);
}

}  // namespace lintorch::linvideo
