#pragma once

#include <torch/nn/module.h>

#include <string_view>

#include "lintorch/core/tensor_map.h"

namespace lintorch::layers {

/// Parameters and buffers of a module by their full names; the tensors share memory with the module (detached).
TensorMap module_state(const torch::nn::Module& module);

/// Copies values into the parameters and buffers of a module, cast to their dtype and device. Names and shapes must
/// match exactly. Throws CheckpointError "[what] ..." listing missing, unexpected and mis-shaped tensors; nothing is
/// copied then.
void load_module_state(torch::nn::Module& module, const TensorMap& state, std::string_view what);

}  // namespace lintorch::layers
