#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lintorch::train {

/// A return of a run to an earlier checkpoint.
struct Rollback {
  int64_t step = 0;  ///< steps done when the alarm came
  int64_t to = 0;    ///< step of the checkpoint it went back to
  std::string reason;

  template <class V>
  void visit(V& v) {
    v("step", step);
    v("to", to);
    v("reason", reason);
  }
};

/// The roll-backs of a run, oldest first: `run_dir`/rollbacks.json. Their number belongs to the state of the run: it changes
/// noise and learning rate, and a process that is killed right after a roll-back must not repeat the bits that failed.
std::vector<Rollback> read_rollbacks(const std::filesystem::path& run_dir);

/// Adds one, atomically. Throws IoError.
void append_rollback(const std::filesystem::path& run_dir, const Rollback& rollback);

}  // namespace lintorch::train
