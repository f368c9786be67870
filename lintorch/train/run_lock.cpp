#include "lintorch/train/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "lintorch/core/error.h"

namespace lintorch::train {

RunLock::RunLock(const std::filesystem::path& run_dir)
    : fd_(::open(run_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0 || ::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  const bool held = errno == EWOULDBLOCK;
  if (held) ::close(fd_);
  LT_CHECK(!held, ConfigError, "output: another process trains in {}: wait for it, or choose another folder",
           run_dir.string());
}

RunLock::~RunLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace lintorch::train
