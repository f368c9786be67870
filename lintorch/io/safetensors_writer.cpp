#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/io/safetensors_header.h"

namespace lintorch::io {

namespace fs = std::filesystem;

namespace {

// A file under a temporary name beside its final one; removed unless published.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& final_path) : final_path_(final_path) {
    static std::atomic<uint64_t> counter{0};
    path_ = fmt::format("{}.tmp{}-{}", final_path.string(), ::getpid(), counter++);
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    LT_CHECK(fd_ >= 0, IoError, "[write_safetensors] cannot create {}: {}", path_.string(), std::strerror(errno));
  }

  ~TemporaryFile() {
    if (fd_ >= 0) ::close(fd_);
    std::error_code ignored;
    if (!published_) fs::remove(path_, ignored);
  }

  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(const void* data, uint64_t size) {
    const char* next = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t written = ::write(fd_, next, std::min<uint64_t>(size, 1U << 30));
      if (written < 0 && errno == EINTR) continue;
      LT_CHECK(written > 0, IoError, "[write_safetensors] cannot write {}: {}", final_path_.string(),
               std::strerror(errno));
      next += written;
      size -= static_cast<uint64_t>(written);
    }
  }

  void publish() {
    LT_CHECK(::fsync(fd_) == 0, IoError, "[write_safetensors] cannot flush {}: {}", final_path_.string(),
             std::strerror(errno));
    std::error_code error;
    fs::rename(path_, final_path_, error);
    LT_CHECK(!error, IoError, "[write_safetensors] cannot rename to {}: {}", final_path_.string(), error.message());
    published_ = true;
    sync_path(final_path_.has_parent_path() ? final_path_.parent_path() : fs::path("."));
  }

 private:
  fs::path final_path_, path_;
  int fd_ = -1;
  bool published_ = false;
};

/// A tensor and the number format it is to be stored in.
struct Item {
  std::string name;
  at::Tensor tensor;
  at::ScalarType dtype;

  uint64_t bytes() const { return static_cast<uint64_t>(tensor.numel()) * c10::elementSize(dtype); }
};

Item checked_item(const std::string& name, const at::Tensor& tensor, const StoredDtype& stored_dtype,
                  const fs::path& path) {
  LT_CHECK(name != "__metadata__", CheckpointError, "[write_safetensors] {}: '__metadata__' cannot name a tensor",
           path.string());
  LT_CHECK(tensor.defined(), CheckpointError, "[write_safetensors] {}: tensor '{}' is undefined", path.string(), name);
  LT_CHECK(tensor.layout() == at::kStrided, CheckpointError, "[write_safetensors] {}: tensor '{}' is not dense",
           path.string(), name);
  const auto dtype = stored_dtype ? stored_dtype(name, tensor.scalar_type()) : tensor.scalar_type();
  LT_CHECK(!detail::safetensors_dtype_name(dtype).empty(), CheckpointError,
           "[write_safetensors] {}: tensor '{}' has dtype {}, which safetensors does not have", path.string(), name,
           c10::toString(dtype));
  return {name, tensor, dtype};
}

}  // namespace

void write_safetensors(const fs::path& path, const TensorMap& tensors, const Metadata& metadata,
                       const StoredDtype& stored_dtype) {
  std::vector<Item> order;
  for (const auto& [name, tensor] : tensors) order.push_back(checked_item(name, tensor, stored_dtype, path));
  std::stable_sort(order.begin(), order.end(),
                   [](const Item& a, const Item& b) { return c10::elementSize(a.dtype) > c10::elementSize(b.dtype); });
  detail::SafetensorsHeader header{{}, metadata};
  uint64_t end = 0;
  for (const Item& item : order) {
    const uint64_t begin = end;
    end += item.bytes();
    header.tensors[item.name] = TensorInfo{item.dtype, item.tensor.sizes().vec(), begin, end};
  }
  std::string text;
  try {
    text = detail::format_safetensors_header(header);
  } catch (const nlohmann::json::exception& e) {
    throw CheckpointError(
        fmt::format("[write_safetensors] {}: a name or metadata entry is not UTF-8: {}", path.string(), e.what()));
  }
  LT_CHECK(text.size() <= detail::kMaxHeaderBytes, CheckpointError,
           "[write_safetensors] {}: the header takes {} bytes, at most {} are allowed", path.string(), text.size(),
           detail::kMaxHeaderBytes);

  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  LT_CHECK(!error, IoError, "[write_safetensors] cannot create {}: {}", path.parent_path().string(), error.message());
  TemporaryFile file(path);
  char length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>(text.size() >> (8 * i));
  file.write(length, sizeof(length));
  file.write(text.data(), text.size());
  for (const Item& item : order) {
    const at::Tensor values = item.tensor.detach().to(at::kCPU, item.dtype).contiguous();
    file.write(values.const_data_ptr(), item.bytes());
  }
  file.publish();
}

}  // namespace lintorch::io
