#pragma once

#include <cstdint>
#include <string_view>

#include "lintorch/core/tensor_map.h"
#include "lintorch/linvideo/config.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch::linvideo {

/// Puts a low-rank adapter on the named linear layers of every block, in fp32 (fp64 for an fp64 model). A starts uniform
/// in +-1/sqrt(in), by the seed, and B at zero, so the model computes what it did. Throws ConfigError naming a module
/// that no block has.
void add_lora(wan::WanDit& dit, const LoraConfig& config, uint64_t seed);

/// Whether a parameter of a student belongs to an adapter.
bool is_lora_parameter(std::string_view name);

/// state[W] += alpha/r B A for every adapter in `trained`: what is left is an ordinary model. Throws CheckpointError for
/// an adapter of a layer that `state` lacks.
void merge_lora(TensorMap& state, const TensorMap& trained, const LoraConfig& config);

}  // namespace lintorch::linvideo
