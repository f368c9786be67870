#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lintorch/core/tensor_map.h"

namespace lintorch::layers {

/// Parameters and buffers of a module by their full names; the tensors share memory with the module (detached).
TensorMap module_state(const torch::nn::Module& module);

/// Shapes by name.
using ShapeMap = std::map<std::string, std::vector<int64_t>>;

/// The shapes of a state.
ShapeMap shapes_of(const TensorMap& state);

/// How the tensors of a checkpoint differ from those of a model; each entry is ready to be printed.
struct StateReport {
  std::vector<std::string> missing;
  std::vector<std::string> unexpected;
  std::vector<std::string> mis_shaped;  ///< with the expected and the actual shape
  std::vector<std::string> mis_typed;   ///< not fp64, fp32, fp16 or bf16

  bool fits() const { return missing.empty() && unexpected.empty() && mis_shaped.empty() && mis_typed.empty(); }

  /// Counts, and the first eight of each kind, a line per kind; each line begins with a line break.
  std::string text() const;
};

/// Compares names and shapes with `expected`, and refuses number formats that no weight has (integers, fp8).
StateReport compare_state(const ShapeMap& expected, const TensorMap& state);

/// Copies values into the parameters and buffers of a module, cast to their dtype and device. Names and shapes must
/// match exactly. Throws CheckpointError "[what] ..." with the StateReport otherwise; nothing is copied then.
/// `done` is called with each tensor of `state` after its copy; after each piece of it if the tensor is large.
void load_module_state(torch::nn::Module& module, const TensorMap& state, std::string_view what,
                       const std::function<void(const at::Tensor&)>& done = {});

}  // namespace lintorch::layers
