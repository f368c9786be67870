#pragma once

#include "lintorch/layers/module_state.h"
#include "lintorch/models/umt5/config.h"

namespace lintorch::umt5 {

/// Names (transformers') and shapes of all tensors of an encoder, without building it.
layers::ShapeMap umt5_shapes(const Umt5Config& config);

/// The sizes of the encoder that a state (transformers' names) belongs to; the other fields are those of UMT5-XXL.
/// Throws CheckpointError "[what] ..." if a tensor that tells a size is missing or has another number of dimensions.
Umt5Config umt5_config_from_shapes(const TensorMap& state, const std::string& what);

/// For error messages: "nearest preset: umt5_xxl (240 of 242 tensors fit)".
std::string nearest_umt5_preset(const TensorMap& state);

}  // namespace lintorch::umt5
