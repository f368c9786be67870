#pragma once

#include <filesystem>

#include "lintorch/core/tensor_map.h"
#include "lintorch/models/wan/config.h"
#include "lintorch/pipeline/model_parts.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::pipeline {

/// Writes scheduler and defaults so that read_generation_settings gives them back: scheduler/ and model_index.json, or
/// kOriginalExtrasFile. Throws IoError.
void write_generation_settings(const std::filesystem::path& folder, ModelLayout layout,
                               const diffusion::SchedulerConfig& scheduler, const GenerationDefaults& defaults);

/// Replaces the defaults of a model folder and leaves the rest of its model_index.json or kOriginalExtrasFile as it is.
/// Diffusers ignores the entry. Throws IoError, ConfigError.
void replace_generation_defaults(const std::filesystem::path& folder, ModelLayout layout,
                                 const GenerationDefaults& defaults);

/// Throws ConfigError if a model folder must not be written to `output`: a training checkpoint, or one of the sources that the
/// model is made from, or a folder around one. Empty sources are left out.
void check_export_folder(const std::filesystem::path& output, const std::vector<std::filesystem::path>& sources);

/// The transformer to write: Diffusers names, any dtype and device; may share mapped files.
struct ExportedDit {
  wan::WanDitConfig config;
  TensorMap state;
};

/// Writes a model folder into an existing folder `to` (an AtomicDir's, say): the transformer given, and the other parts of
/// the model folder `from`, in the layout of `format`. dtype and max_shard_bytes are those of the transformer; the other
/// weights keep their number format.
///
/// Where the layout stays the same, the other parts are copied file by file. Else their tensors are renamed and written
/// one by one, so that memory stays small; an original folder then gets the autoencoder and the text encoder as the files
/// of torch.save that Wan's own code loads (Wan2.1_VAE.pth, models_t5_umt5-xxl-enc-bf16.pth), with their configs in the
/// metadata, and kOriginalExtrasFile. Going there and back gives equal bits.
/// Throws IoError, ConfigError, CheckpointError.
void write_model_folder(const std::filesystem::path& from, const ExportedDit& dit, const std::filesystem::path& to,
                        const WeightFormat& format);

}  // namespace lintorch::pipeline
