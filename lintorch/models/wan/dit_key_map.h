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

/// The two naming schemes, told apart by a tensor that each has once: "head.modulation" (original) and
/// "scale_shift_table" (Diffusers), after a prefix that other tools add: "model.diffusion_model.", "model.", "pipe.dit.",
/// "dit.", "net.", or none.
struct DitNaming {
  bool original = false;
  std::string prefix;

  /// For logs: "original Wan names with the prefix model.diffusion_model.".
  std::string description() const;
};

/// Throws CheckpointError "[what] ..." if no scheme fits, or more than one.
DitNaming detect_dit_naming(const TensorMap& state, std::string_view what);

/// True if the names are the original Wan ones, with or without a known prefix.
bool has_original_dit_keys(const TensorMap& state);

/// Strips the prefix and renames original Wan tensors to Diffusers names. A name without a counterpart stays as it is, to be
/// reported as unexpected. Throws CheckpointError as detect_dit_naming, for a name that lacks the prefix, and if two tensors
/// become one.
TensorMap dit_state_to_diffusers(const TensorMap& state, std::string_view what = "dit_state_to_diffusers");

/// Renames Diffusers names to original Wan names. Throws CheckpointError for a name that has no counterpart.
TensorMap dit_state_to_original(const TensorMap& state);

}  // namespace lintorch::wan
