#pragma once

#include <filesystem>

#include "lintorch/core/tensor_map.h"

namespace lintorch::io {

/// Reads a state dict that Python's torch.save wrote (.pth, .pt, .bin; PyTorch 1.6 and later): a zip file of stored
/// entries, one of which is a pickle. The tensors share the mapped file, as those of SafetensorsFile do; views keep their
/// strides, tied tensors their common memory.
///
/// Safe for files from anywhere: the pickle is read as data by a small interpreter that knows dicts, lists, numbers,
/// strings and tensors, imports nothing and calls nothing; every extent is checked against the file.
///
/// Throws IoError if the file cannot be opened; CheckpointError naming file and cause for a global or instruction that a
/// dict of tensors does not need, a value that is no tensor, a tensor that lies outside its storage, damaged or
/// compressed zip entries, the format before PyTorch 1.6, and TorchScript archives.
TensorMap read_torch_archive(const std::filesystem::path& path);

}  // namespace lintorch::io
