#pragma once

#include <c10/core/ScalarType.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lintorch/core/tensor_map.h"
#include "lintorch/io/safetensors.h"

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

/// The metadata that write_torch_archive put into a file; none for files of others. Throws as read_torch_archive.
Metadata read_torch_archive_metadata(const std::filesystem::path& path);

/// Number format and shape of a tensor to be written.
struct StoredTensor {
  at::ScalarType dtype;
  std::vector<int64_t> shape;
};

/// Writes a plain state dict that torch.load(path, weights_only=True) reads, and read_torch_archive: a dict of contiguous
/// CPU tensors, each with a storage of its own, in the order of names. The data of each begins at a multiple of 64
/// bytes, so that both map it in place. `make` is called once for each name, in order: one tensor is in memory at a time.
/// metadata: kept in entries "extra/KEY" of the zip file, which torch.load does not look at.
///
/// A crash leaves the old file or the new one. Creates missing parent folders. Throws CheckpointError for a dtype that
/// torch.save's typed storages lack (fp8, unsigned beyond 8 bits), Error if `make` gives another tensor than announced,
/// IoError if writing fails.
/// Source: torch/serialization.py; caffe2/serialize/inline_container.h; PKWARE APPNOTE.TXT 6.3.10.
void write_torch_archive(const std::filesystem::path& path, const std::map<std::string, StoredTensor>& tensors,
                         const std::function<at::Tensor(const std::string&)>& make, const Metadata& metadata = {});

/// The same for tensors that are there; cast if stored_dtype is given.
void write_torch_archive(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata = {},
                         const StoredDtype& stored_dtype = {});

}  // namespace lintorch::io
