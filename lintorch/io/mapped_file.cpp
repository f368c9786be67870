#include "lintorch/io/mapped_file.h"

#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include "lintorch/core/error.h"

namespace lintorch::io {

namespace {

/// The live mappings by their first address: release_pages must not touch any other memory.
class Mappings {
 public:
  void add(uintptr_t begin, uint64_t size) {
    const std::lock_guard lock(mutex_);
    sizes_[begin] = size;
  }

  void unmap(char* data) {
    const std::lock_guard lock(mutex_);
    const auto it = sizes_.find(reinterpret_cast<uintptr_t>(data));
    ::munmap(data, it->second);
    sizes_.erase(it);
  }

  void release(uintptr_t begin, uintptr_t end) {
    const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    const uintptr_t first = (begin + page - 1) / page * page, last = end / page * page;
    const std::lock_guard lock(mutex_);
    auto it = sizes_.upper_bound(begin);
    if (it == sizes_.begin()) return;
    --it;
    if (end > it->first + it->second || first >= last) return;
    ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  }

 private:
  std::mutex mutex_;
  std::map<uintptr_t, uint64_t> sizes_;
};

// Never destroyed: tensors in static variables may outlive it otherwise.
Mappings& mappings() {
  static auto* const instance = new Mappings;
  return *instance;
}

}  // namespace

MappedFile map_file(const std::filesystem::path& path, std::string_view who) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  LT_CHECK(fd >= 0, IoError, "[{}] cannot open {}: {}", who, path.string(), std::strerror(errno));
  struct stat status {};
  const int stat_result = ::fstat(fd, &status);
  const int stat_error = errno;
  const uint64_t size = stat_result == 0 ? static_cast<uint64_t>(status.st_size) : 0;
  const bool regular = stat_result == 0 && S_ISREG(status.st_mode);
  void* data = MAP_FAILED;
  int map_error = 0;
  if (regular && size > 0) {
    data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    map_error = errno;
  }
  ::close(fd);
  LT_CHECK(stat_result == 0, IoError, "[{}] {}: {}", who, path.string(), std::strerror(stat_error));
  LT_CHECK(regular, IoError, "[{}] {} is not a regular file", who, path.string());
  LT_CHECK(size > 0, CheckpointError, "[{}] {} is empty", who, path.string());
  LT_CHECK(data != MAP_FAILED, IoError, "[{}] cannot map {}: {}", who, path.string(), std::strerror(map_error));
  mappings().add(reinterpret_cast<uintptr_t>(data), size);
  return {{static_cast<char*>(data), [](char* p) { mappings().unmap(p); }}, size};
}

at::Tensor mapped_tensor(const std::shared_ptr<char>& mapping, char* begin, at::IntArrayRef sizes,
                         at::IntArrayRef strides, at::ScalarType dtype) {
  return at::from_blob(
      begin, sizes, strides, [mapping](void*) {}, at::TensorOptions().dtype(dtype));
}

void release_pages(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.has_storage() || !tensor.device().is_cpu() || tensor.numel() == 0) return;
  const auto& storage = tensor.storage();
  const auto begin = reinterpret_cast<uintptr_t>(storage.data());
  mappings().release(begin, begin + storage.nbytes());
}

}  // namespace lintorch::io
