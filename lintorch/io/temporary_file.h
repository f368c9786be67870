#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace lintorch::io::detail {

/// A file that appears whole or not at all: written under a temporary name beside its final one, then renamed. Removed
/// unless published. Errors are IoErrors that begin with "[who]".
class TemporaryFile {
 public:
  /// Creates missing parent folders.
  TemporaryFile(const std::filesystem::path& final_path, std::string who);
  ~TemporaryFile();

  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(const void* data, uint64_t size);

  /// Bytes written so far.
  uint64_t size() const { return size_; }

  /// Flushes to the disk and renames.
  void publish();

 private:
  std::filesystem::path final_path_, path_;
  std::string who_;
  uint64_t size_ = 0;
  int fd_ = -1;
  bool published_ = false;
};

}  // namespace lintorch::io::detail
