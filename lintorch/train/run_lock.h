#pragma once

#include <filesystem>

namespace lintorch::train {

/// Keeps a run folder to one training at a time, for as long as this lives: two would write the same log and delete each other's
/// checkpoints. An advisory lock (flock) on the folder itself, which ends with the process, however that ends.
class RunLock {
 public:
  /// Throws ConfigError naming the folder if another process holds it. A file system without locks locks nothing.
  explicit RunLock(const std::filesystem::path& run_dir);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int fd_;
};

}  // namespace lintorch::train
