#pragma once

#include <filesystem>
#include <string>

namespace lintorch::inspect {

/// Where the part ("transformer", "vae", "text_encoder", "tokenizer", "scheduler") of a model lies: `model`/`part` of a
/// model folder, or `model` itself if it is the folder (or file) of that part. Throws IoError if `model` does not exist,
/// CheckpointError if it is a model folder without the part.
std::filesystem::path component_folder(const std::filesystem::path& model, const std::string& part);

}  // namespace lintorch::inspect
