#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lintorch {

/// Progress on stderr: a bar that redraws in a terminal, a plain line every few seconds elsewhere (log files).
///   sampling  42/100 [==========>            ] 3.1 it/s  ETA 0:19  loss 0.0312
class ProgressBar {
 public:
  ProgressBar(std::string title, int64_t total, int64_t start = 0);
  ~ProgressBar();  // ends the line

  /// `done` counts from 0 to total; `note` is free text at the end of the line.
  void update(int64_t done, const std::string& note = "");

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const std::string& note);

  std::string title_;
  int64_t total_;
  int64_t start_;
  int64_t done_;
  bool terminal_;
  bool line_open_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_draw_{};
};

/// 75 -> "1:15", 3675 -> "1:01:15".
std::string format_duration(double seconds);

}  // namespace lintorch
