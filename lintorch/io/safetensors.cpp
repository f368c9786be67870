#include "lintorch/io/safetensors.h"

#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lintorch/core/error.h"
#include "lintorch/io/safetensors_header.h"

namespace lintorch::io {

namespace fs = std::filesystem;

namespace {

// Maps the file privately: tensors may be written to in place, the file never changes.
std::shared_ptr<char> map_file(const fs::path& path, uint64_t& size) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  LT_CHECK(fd >= 0, IoError, "[SafetensorsFile] cannot open {}: {}", path.string(), std::strerror(errno));
  struct stat status {};
  const int stat_result = ::fstat(fd, &status);
  const int stat_error = errno;
  size = stat_result == 0 ? static_cast<uint64_t>(status.st_size) : 0;
  const bool regular = stat_result == 0 && S_ISREG(status.st_mode);
  void* data = MAP_FAILED;
  int map_error = 0;
  if (regular && size >= 8) {
    data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    map_error = errno;
  }
  ::close(fd);
  LT_CHECK(stat_result == 0, IoError, "[SafetensorsFile] {}: {}", path.string(), std::strerror(stat_error));
  LT_CHECK(regular, IoError, "[SafetensorsFile] {} is not a regular file", path.string());
  LT_CHECK(size >= 8, CheckpointError,
           "[SafetensorsFile] {}: expected at least the 8 bytes of the header length, got {}", path.string(), size);
  LT_CHECK(data != MAP_FAILED, IoError, "[SafetensorsFile] cannot map {}: {}", path.string(), std::strerror(map_error));
  const uint64_t mapped = size;
  return {static_cast<char*>(data), [mapped](char* p) { ::munmap(p, mapped); }};
}

uint64_t read_little_endian(const char* bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& path) : path_(path) {
  uint64_t size = 0;
  const std::shared_ptr<char> file = map_file(path, size);
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
  return at::from_blob(
      begin, info.shape, [mapping = data_](void*) {}, at::TensorOptions().dtype(info.dtype));
}

TensorMap SafetensorsFile::load() const {
  TensorMap tensors;
  for (const auto& [name, info] : tensors_) tensors.emplace(name, tensor(name));
  return tensors;
}

}  // namespace lintorch::io
