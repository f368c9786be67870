#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lintorch/layers/module_state.h"

namespace lintorch::layers {

/// For error messages: which of the named models has the largest share of its tensors, by name and shape, in `state`;
/// the first of equals. "nearest preset: t2v_1_3b (820 of its 825 tensors fit)"; with_differences: followed by the
/// StateReport of the others.
std::string nearest_preset(const TensorMap& state, const std::vector<std::pair<std::string, ShapeMap>>& presets,
                           bool with_differences = false);

}  // namespace lintorch::layers
