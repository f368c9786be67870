#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <filesystem>

#include "lintorch/io/safetensors.h"
#include "lintorch/models/model_layout.h"
#include "lintorch/models/umt5/encoder.h"

namespace lintorch::umt5 {

/// The name, without extension, of the text encoder's file in Wan's own repository.
inline constexpr const char* kOriginalUmt5Stem = "models_t5_umt5-xxl-enc-bf16";

/// A text encoder found on disk. The tensors have transformers' names, share the mapped files and are not read yet.
struct Umt5Source {
  Umt5Config config;
  TensorMap state;
};

/// Finds out what a text encoder is; says so in the log. `path` is one of
///   - a text_encoder/ folder as transformers writes it: config.json and model.safetensors (or shards with an index);
///   - a single file (models_t5_umt5-xxl-enc-bf16.pth, or safetensors). The config comes from the metadata entry
///     kConfigMetadata; else sizes are read off the shapes, and what shapes cannot tell is as in UMT5-XXL.
/// Names may be transformers' or Wan's. The embedding may be called shared.weight or encoder.embed_tokens.weight; a file
/// with neither is refused (a random embedding gives noise videos without any error).
/// Throws IoError, ConfigError, or CheckpointError: missing, unexpected, mis-shaped or mis-typed tensors.
Umt5Source open_umt5(const std::filesystem::path& path);

/// Loads what was found, tensor by tensor, in evaluation mode.
Umt5Encoder load_umt5(const Umt5Source& source, at::ScalarType dtype, c10::Device device);
/// The same of what open_umt5 finds at `path`; throws as open_umt5.
Umt5Encoder load_umt5(const std::filesystem::path& path, at::ScalarType dtype, c10::Device device);

/// Writes the weights in a layout. Diffusers: folder/config.json and folder/model*.safetensors. Original:
/// folder/models_t5_umt5-xxl-enc-bf16.pth (that name whatever the number format) with the config in its metadata.
/// Throws IoError.
void write_umt5(const std::filesystem::path& folder, const Umt5Config& config, const TensorMap& state,
                const WeightFormat& format = {});

/// Writes config.json and model.safetensors into `folder`, with the weights in `dtype`.
void save_umt5(const std::filesystem::path& folder, Umt5Encoder& encoder, at::ScalarType dtype,
               const io::Metadata& metadata = {});

}  // namespace lintorch::umt5
