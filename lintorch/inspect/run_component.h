#pragma once

#include "lintorch/core/tensor_map.h"
#include "lintorch/inspect/run_config.h"

namespace lintorch::inspect {

/// Runs one component of config.model on named tensors, for comparison with any other implementation. Names are those
/// of the reference libraries' arguments and results:
///
/// | component    | inputs | outputs |
/// |---|---|---|
/// | transformer  | hidden_states [B, C, T, H, W], timestep [B], encoder_hidden_states [B, S, text_dim] | sample |
/// | vae_encode   | x [B, 3, F, H, W] | mean, logvar: of the latent, not normalized |
/// | vae_decode   | z [B, z_dim, T, h, w], not normalized | sample [B, 3, F, H, W], clamped to [-1, 1] |
/// | text_encoder | input_ids [B, S], attention_mask [B, S] (without: all ones) | last_hidden_state |
/// | tokenizer    | text uint8 [n]: the prompts in UTF-8, one after the other; lengths [B]: bytes of each (without: one
///                  prompt) | input_ids, attention_mask [B, S] |
/// | scheduler    | sample [...]: the start; model_outputs [steps, ...] | samples [steps, ...]: after each step; sigmas
///                  [steps + 1], timesteps [steps] in fp64 |
///
/// Throws ConfigError for a config without component or model, Error for inputs that are missing, unknown or do not fit,
/// and what loading the component throws.
TensorMap run_component(const RunConfig& config, const TensorMap& inputs);

/// Reads config.input (for the tokenizer also a .txt file, see pipeline::read_prompts), runs, writes config.output with
/// the config in the metadata.
void run_component_files(const RunConfig& config);

}  // namespace lintorch::inspect
