#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/config.h"

namespace lintorch::wan {

/// Names (Diffusers') and shapes of all tensors of a transformer, without building it.
layers::ShapeMap dit_shapes(const WanDitConfig& config);

/// The configurations that are known by name: t2v_1_3b, t2v_14b, tiny.
const std::vector<std::pair<std::string, WanDitConfig>>& dit_presets();

/// The preset whose shapes are those of a state with Diffusers names, linear-attention weights aside; nullopt if none.
std::optional<std::pair<std::string, WanDitConfig>> matching_dit_preset(const TensorMap& state);

/// For error messages: "nearest preset: t2v_1_3b (820 of 825 tensors fit)", see layers::nearest_preset.
std::string nearest_dit_preset(const TensorMap& state, bool with_differences = false);

}  // namespace lintorch::wan
