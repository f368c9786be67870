#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <filesystem>

#include "lintorch/io/safetensors.h"
#include "lintorch/models/umt5/encoder.h"

namespace lintorch::umt5 {

/// Loads a text_encoder/ folder as transformers writes it: config.json and model.safetensors (or shards with an index).
/// The embedding may be called shared.weight or encoder.embed_tokens.weight; a file with neither is refused (a random
/// embedding gives noise videos without any error). Official Wan names are accepted too.
/// Throws IoError, ConfigError, CheckpointError.
Umt5Encoder load_umt5(const std::filesystem::path& folder, at::ScalarType dtype, c10::Device device);

/// Writes config.json and model.safetensors into `folder`, with the weights in `dtype`.
void save_umt5(const std::filesystem::path& folder, Umt5Encoder& encoder, at::ScalarType dtype,
               const io::Metadata& metadata = {});

}  // namespace lintorch::umt5
