#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace lintorch::io {

/// A file mapped privately into memory: tensors may be written to in place, the file never changes.
struct MappedFile {
  std::shared_ptr<char> data;  ///< owns the mapping
  uint64_t size = 0;

  std::string_view bytes() const { return {data.get(), size}; }
};

/// Maps a whole file. Throws, with messages that start with "[who]", IoError if it cannot be opened or is no regular
/// file, CheckpointError if it is empty.
MappedFile map_file(const std::filesystem::path& path, std::string_view who);

/// Strided tensor over bytes of a mapping, which it keeps alive. `begin` must be aligned to the element size.
at::Tensor mapped_tensor(const std::shared_ptr<char>& mapping, char* begin, at::IntArrayRef sizes,
                         at::IntArrayRef strides, at::ScalarType dtype);

/// Gives back the memory of the pages that a tensor made by mapped_tensor covers whole; they are read from the file again
/// when next used, and what was written into them is lost. Any other tensor is left alone.
///
/// Loading calls this after copying each tensor, so that a process holds one copy of a checkpoint and not two.
void release_pages(const at::Tensor& tensor);

}  // namespace lintorch::io
