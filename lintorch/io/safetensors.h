#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lintorch/core/tensor_map.h"

namespace lintorch::io {

/// The "__metadata__" entry of a safetensors header: free text by key.
using Metadata = std::map<std::string, std::string>;

/// One tensor of a safetensors file. begin and end are byte offsets from the end of the header.
struct TensorInfo {
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// A mapped .safetensors file, validated in full when opened: header length (at most 100 MB), JSON, duplicate keys,
/// dtypes, shape against byte count, and that the tensors tile the data section without holes or overlap.
///
/// Dtypes: F64 F32 F16 BF16 F8_E4M3 F8_E5M2 I64 I32 I16 I8 U64 U32 U16 U8 BOOL.
/// Source: https://github.com/huggingface/safetensors, "Format".
class SafetensorsFile {
 public:
  /// Throws IoError if the file cannot be opened, CheckpointError naming file and tensor if it is malformed.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  const Metadata& metadata() const { return metadata_; }

  /// A CPU tensor that shares the mapped bytes and keeps the mapping alive; writing into it changes no file.
  /// Data that is not aligned to its element size is copied instead. Throws CheckpointError if there is no such name.
  at::Tensor tensor(const std::string& name) const;

  /// All tensors of the file, as tensor() gives them.
  TensorMap load() const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<char> data_;  // the data section; owns the mapping
  std::map<std::string, TensorInfo> tensors_;
  Metadata metadata_;
};

/// The number format to store a tensor in, given its name and the one it has.
using StoredDtype = std::function<at::ScalarType(const std::string& name, at::ScalarType dtype)>;

/// Writes tensors so that a crash leaves the old file or the new one. Tensors are brought to the CPU and made
/// contiguous one at a time, and cast if stored_dtype is given; wider dtypes come first, then names in order, so that
/// every tensor is aligned. Creates missing parent folders. Throws CheckpointError for a dtype the format lacks, IoError
/// if writing fails.
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata = {},
                       const StoredDtype& stored_dtype = {});

}  // namespace lintorch::io
