#pragma once

#include <filesystem>

namespace lintorch::io {

/// A folder that appears whole or not at all: filled under a temporary name beside its final place, then swapped in.
/// A process killed at any moment leaves the old folder or the new one, never half of one.
///
/// The temporary folder is locked while its writer lives. Construction removes unlocked ones in the same parent
/// folder: they belong to dead processes.
class AtomicDir {
 public:
  /// Creates the temporary folder. Throws IoError if that fails, or if final_path is a file or a folder that is
  /// neither empty nor marked as complete (something else wrote it, and commit() would delete it).
  explicit AtomicDir(std::filesystem::path final_path);

  /// Removes the temporary folder unless commit() succeeded.
  ~AtomicDir();

  AtomicDir(const AtomicDir&) = delete;
  AtomicDir& operator=(const AtomicDir&) = delete;

  /// Where to write: the temporary folder; after commit() the final one.
  const std::filesystem::path& path() const { return path_; }

  /// Flushes everything to the disk, writes the marker DONE, renames, and deletes the replaced folder. Throws IoError.
  void commit();

 private:
  std::filesystem::path final_path_;
  std::filesystem::path path_;
  int lock_fd_ = -1;
  bool committed_ = false;
};

/// Whether path is a folder that an AtomicDir committed: it holds the marker DONE.
bool is_complete_dir(const std::filesystem::path& path);

}  // namespace lintorch::io
