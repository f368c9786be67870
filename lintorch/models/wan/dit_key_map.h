#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lintorch/core/tensor_map.h"

namespace lintorch::wan {

/// Diffusers name of a transformer tensor given its original Wan name ("blocks.3.norm3.weight" ->
/// "blocks.3.norm2.weight"); nullopt if the name is not one of them.
std::optional<std::string> dit_key_to_diffusers(std::string_view original);

/// The inverse of dit_key_to_diffusers.
std::optional<std::string> dit_key_to_original(std::string_view diffusers);

/// True if the names are the original Wan ones (recognised by "head.modulation"), with or without a known prefix.
bool has_original_dit_keys(const TensorMap& state);

/// Renames original Wan tensors to Diffusers names; prefixes that other tools add ("model.diffusion_model.", "model.",
/// "pipe.dit.", "dit.", "net.") are stripped. A state without "head.modulation" is taken for Diffusers' and keeps its
/// names. Throws CheckpointError for a name that has no counterpart.
TensorMap dit_state_to_diffusers(const TensorMap& state);

}  // namespace lintorch::wan
