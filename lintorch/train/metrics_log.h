#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace lintorch::train {

class TensorBoardWriter;

/// Writes every log point to `folder`/metrics.jsonl (one object a line) and to TensorBoard event files in
/// `folder`/tensorboard.
class MetricsLog {
 public:
  /// Drops lines of steps >= first_step (a resumed run repeats them), then appends. Throws IoError.
  MetricsLog(const std::filesystem::path& folder, int64_t first_step);
  ~MetricsLog();

  void write(int64_t step, double seconds, const std::map<std::string, double>& metrics);

 private:
  std::filesystem::path jsonl_;
  std::unique_ptr<TensorBoardWriter> tensorboard_;
};

}  // namespace lintorch::train
