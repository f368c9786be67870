#include "lintorch/io/atomic_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"

namespace lintorch::io {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMarker = "DONE";
// Hidden folders beside the final one: ".<name>.lintorch-tmp-XXXXXX" while filled, ".<name>.lintorch-old" while replaced.
constexpr std::string_view kTemporary = ".lintorch-tmp-";
constexpr std::string_view kReplaced = ".lintorch-old";

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// The descriptor of a folder that this call locked; -1 if another process holds the lock or it is gone.
int try_lock(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

void remove_stale_folders(const fs::path& parent) {
  std::error_code ignored;
  std::vector<fs::path> hidden;
  for (const auto& entry : fs::directory_iterator(parent, ignored)) {
    if (entry.path().filename().string().starts_with('.')) hidden.push_back(entry.path());
  }
  for (const auto& path : hidden) {
    const std::string name = path.filename().string();
    if (name.ends_with(kReplaced)) {
      // Its writer died between the two renames of replace_folder.
      const fs::path original = parent / name.substr(1, name.size() - 1 - kReplaced.size());
      if (!fs::exists(original))
        fs::rename(path, original, ignored);
      else
        fs::remove_all(path, ignored);
    } else if (name.find(kTemporary) != std::string::npos) {
      const int fd = try_lock(path);
      if (fd < 0) continue;
      fs::remove_all(path, ignored);
      ::close(fd);
    }
  }
}

bool may_replace(const fs::path& path) {
  if (!fs::exists(fs::symlink_status(path))) return true;
  return fs::is_directory(path) && (fs::is_empty(path) || is_complete_dir(path));
}

// Puts the new folder in the place of the old one; what was there ends up under the temporary name.
void replace_folder(const fs::path& temporary, const fs::path& final_path) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, final_path.c_str(), RENAME_EXCHANGE) == 0) return;
  LT_CHECK(errno == EINVAL || errno == ENOSYS || errno == ENOTSUP, IoError, "[AtomicDir] cannot replace {}: {}",
           final_path.string(), std::strerror(errno));
  // File systems that cannot swap: between the two renames the name is absent; remove_stale_folders repairs that.
  const fs::path replaced = parent_of(final_path) / ("." + final_path.filename().string() + std::string(kReplaced));
  fs::remove_all(replaced);
  fs::rename(final_path, replaced);
  fs::rename(temporary, final_path);
  fs::rename(replaced, temporary);
}

}  // namespace

AtomicDir::AtomicDir(fs::path final_path) : final_path_(std::move(final_path)) {
  if (!final_path_.has_filename()) final_path_ = final_path_.parent_path();  // "a/b/" means "a/b"
  LT_CHECK(final_path_.has_filename(), IoError, "[AtomicDir] expected the path of a folder, got '{}'",
           final_path_.string());
  const fs::path parent = parent_of(final_path_);
  create_folder(parent);
  remove_stale_folders(parent);
  LT_CHECK(
      may_replace(final_path_), IoError,
      "[AtomicDir] {} exists and was not completed by lintorch (no file {} in it): delete it or choose another place",
      final_path_.string(), kMarker);

  const std::string pattern =
      (parent / ("." + final_path_.filename().string() + std::string(kTemporary) + "XXXXXX")).string();
  // A cleaner in another process may take the folder in the instant before it is locked.
  for (int attempt = 0; attempt < 8 && lock_fd_ < 0; ++attempt) {
    std::string name = pattern;
    LT_CHECK(::mkdtemp(name.data()) != nullptr, IoError, "[AtomicDir] cannot create a folder in {}: {}",
             parent.string(), std::strerror(errno));
    const int fd = try_lock(name);
    struct stat by_name {
    }, by_fd{};
    if (fd >= 0 && ::stat(name.c_str(), &by_name) == 0 && ::fstat(fd, &by_fd) == 0 && by_name.st_ino == by_fd.st_ino) {
      path_ = name;
      lock_fd_ = fd;
    } else if (fd >= 0) {
      ::close(fd);
    }
  }
  LT_CHECK(lock_fd_ >= 0, IoError, "[AtomicDir] cannot lock a temporary folder in {}", parent.string());
  const mode_t mask = ::umask(0);
  ::umask(mask);
  LT_CHECK(::fchmod(lock_fd_, 0777 & ~mask) == 0, IoError, "[AtomicDir] {}: {}", path_.string(), std::strerror(errno));
}

AtomicDir::~AtomicDir() {
  std::error_code ignored;
  if (!committed_ && !path_.empty()) fs::remove_all(path_, ignored);
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

void AtomicDir::commit() {
  LT_CHECK(!committed_, IoError, "[AtomicDir] {} is committed already", final_path_.string());
  LT_CHECK(may_replace(final_path_), IoError, "[AtomicDir] {} was created by something else in the meantime",
           final_path_.string());
  try {
    for (const auto& entry : fs::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file() || (entry.is_directory() && !entry.is_symlink())) sync_path(entry.path());
    }
    write_file_atomic(path_ / kMarker, "");
    sync_path(path_);
    const bool replaces = fs::exists(final_path_);
    if (replaces) {
      replace_folder(path_, final_path_);
    } else {
      fs::rename(path_, final_path_);
    }
    committed_ = true;
    std::error_code ignored;
    if (replaces) fs::remove_all(path_, ignored);
    path_ = final_path_;
    sync_path(parent_of(final_path_));
  } catch (const fs::filesystem_error& e) {
    throw IoError(fmt::format("[AtomicDir] cannot commit {}: {}", final_path_.string(), e.what()));
  }
}

bool is_complete_dir(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path / kMarker, ignored);
}

}  // namespace lintorch::io
