#include "lintorch/io/safetensors.h"

#include <ATen/ops/empty.h>

#include <cstring>

#include "lintorch/core/error.h"
#include "lintorch/io/mapped_file.h"
#include "lintorch/io/safetensors_header.h"

namespace lintorch::io {

namespace fs = std::filesystem;

namespace {

uint64_t read_little_endian(const char* bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& path) : path_(path) {
  const auto [file, size] = map_file(path, "SafetensorsFile");
  LT_CHECK(size >= 8, CheckpointError,
           "[SafetensorsFile] {}: expected at least the 8 bytes of the header length, got {}", path.string(), size);
  const uint64_t header_size = read_little_endian(file.get());
  LT_CHECK(header_size <= detail::kMaxHeaderBytes, CheckpointError,
           "[SafetensorsFile] {}: expected a header of at most {} bytes, got {}: not a safetensors file?",
           path.string(), detail::kMaxHeaderBytes, header_size);
  LT_CHECK(header_size <= size - 8, CheckpointError,
           "[SafetensorsFile] {} is cut off: the header takes {} bytes, the file has {} after its length field",
           path.string(), header_size, size - 8);
  const std::string_view text(file.get() + 8, header_size);
  auto header = detail::parse_safetensors_header(text, size - 8 - header_size, path.string());
  tensors_ = std::move(header.tensors);
  metadata_ = std::move(header.metadata);
  data_ = std::shared_ptr<char>(file, file.get() + 8 + header_size);
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const auto it = tensors_.find(name);
  LT_CHECK(it != tensors_.end(), CheckpointError, "[SafetensorsFile] {} has no tensor '{}'", path_.string(), name);
  const TensorInfo& info = it->second;
  char* const begin = data_.get() + info.begin;
  const bool aligned = reinterpret_cast<uintptr_t>(begin) % c10::elementSize(info.dtype) == 0;
  if (!aligned) {
    at::Tensor copy = at::empty(info.shape, info.dtype);
    std::memcpy(copy.data_ptr(), begin, info.end - info.begin);
    return copy;
  }
  return mapped_tensor(data_, begin, info.shape, c10::contiguous_strides(info.shape), info.dtype);
}

TensorMap SafetensorsFile::load() const {
  TensorMap tensors;
  for (const auto& [name, info] : tensors_) tensors.emplace(name, tensor(name));
  return tensors;
}

}  // namespace lintorch::io
