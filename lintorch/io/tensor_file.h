#pragma once

#include <filesystem>
#include <string_view>

#include "lintorch/core/tensor_map.h"
#include "lintorch/io/safetensors.h"

namespace lintorch::io {

/// Formats of a file that holds named tensors, told apart by their first bytes, never by the file's name.
enum class TensorFileFormat { kSafetensors, kTorchArchive };

/// "safetensors" or "torch.save".
std::string_view tensor_file_format_name(TensorFileFormat format);

/// Throws IoError if the file cannot be read, CheckpointError if it is neither.
TensorFileFormat detect_tensor_file(const std::filesystem::path& file);

/// All tensors of a file of either format, sharing the mapped file. Throws as SafetensorsFile and read_torch_archive do.
TensorMap read_tensor_file(const std::filesystem::path& file);

}  // namespace lintorch::io
