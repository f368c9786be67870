#include "lintorch/layers/nearest_shapes.h"

#include <fmt/format.h>

namespace lintorch::layers {

std::string nearest_preset(const TensorMap& state, const std::vector<std::pair<std::string, ShapeMap>>& presets,
                           bool with_differences) {
  std::string nearest;
  const ShapeMap* nearest_shapes = nullptr;
  double best_share = -1;
  for (const auto& [name, expected] : presets) {
    size_t fitting = 0;
    for (const auto& [tensor, shape] : expected) {
      const auto it = state.find(tensor);
      fitting += it != state.end() && it->second.sizes() == at::IntArrayRef(shape);
    }
    const double share = static_cast<double>(fitting) / static_cast<double>(expected.size());
    if (share <= best_share) continue;
    best_share = share;
    nearest_shapes = &expected;
    nearest = fmt::format("nearest preset: {} ({} of its {} tensors fit)", name, fitting, expected.size());
  }
  if (with_differences && nearest_shapes) nearest += compare_state(*nearest_shapes, state).text();
  return nearest;
}

}  // namespace lintorch::layers
