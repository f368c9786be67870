#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "lintorch/linvideo/config.h"
#include "lintorch/models/wan/config.h"

namespace lintorch::linvideo {

/// Attention kind of every layer.
using LayerAssignment = std::vector<wan::AttentionKind>;

/// Linear exactly in the `target` layers with the smallest values (gates, errors; ties: the earlier layer), softmax
/// elsewhere. values: [layers], any device; waits for it. target in [0, layers].
LayerAssignment assign_smallest(const at::Tensor& values, int64_t target);

/// The assignment of a selection that needs no model: manual, first, last, uniform (evenly spread, layer 0 last to be
/// taken) or random (by seed). Throws ConfigError naming the field for a target or a layer number that does not fit.
LayerAssignment assign_fixed(const SelectiveTransferConfig& config, int64_t num_layers, uint64_t seed);

/// Layer numbers (from 0) that are linear, e.g. "1, 2, 5".
std::string describe_linear_layers(const LayerAssignment& assignment);

int64_t count_linear(const LayerAssignment& assignment);

}  // namespace lintorch::linvideo
