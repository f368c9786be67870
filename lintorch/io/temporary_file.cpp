#include "lintorch/io/temporary_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"

namespace lintorch::io::detail {

namespace fs = std::filesystem;

TemporaryFile::TemporaryFile(const fs::path& final_path, std::string who)
    : final_path_(final_path), who_(std::move(who)) {
  if (final_path.has_parent_path()) create_folder(final_path.parent_path());
  static std::atomic<uint64_t> counter{0};
  path_ = fmt::format("{}.tmp{}-{}", final_path.string(), ::getpid(), counter++);
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  LT_CHECK(fd_ >= 0, IoError, "[{}] cannot create {}: {}", who_, path_.string(), std::strerror(errno));
}

TemporaryFile::~TemporaryFile() {
  if (fd_ >= 0) ::close(fd_);
  std::error_code ignored;
  if (!published_) fs::remove(path_, ignored);
}

void TemporaryFile::write(const void* data, uint64_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(fd_, next, std::min<uint64_t>(size, 1U << 30));
    if (written < 0 && errno == EINTR) continue;
    LT_CHECK(written > 0, IoError, "[{}] cannot write {}: {}", who_, final_path_.string(), std::strerror(errno));
    next += written;
    size -= static_cast<uint64_t>(written);
    size_ += static_cast<uint64_t>(written);
  }
}

void TemporaryFile::publish() {
  LT_CHECK(::fsync(fd_) == 0, IoError, "[{}] cannot flush {}: {}", who_, final_path_.string(), std::strerror(errno));
  std::error_code error;
  fs::rename(path_, final_path_, error);
  LT_CHECK(!error, IoError, "[{}] cannot rename to {}: {}", who_, final_path_.string(), error.message());
  published_ = true;
  sync_path(final_path_.has_parent_path() ? final_path_.parent_path() : fs::path("."));
}

}  // namespace lintorch::io::detail
