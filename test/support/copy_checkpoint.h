#pragma once

#include <filesystem>
#include <string>

namespace lintorch::test {

/// Makes run folder `to` one whose newest and only checkpoint is that of `step` in run folder `from`.
inline void copy_checkpoint(const std::filesystem::path& from, const std::string& step,
                            const std::filesystem::path& to) {
  std::filesystem::create_directories(to / "checkpoints");
  std::filesystem::copy(from / "checkpoints" / step, to / "checkpoints" / step);
}

}  // namespace lintorch::test
