#include "lintorch/core/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace lintorch {

std::string format_duration(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  const int64_t hours = whole / 3600;
  const int64_t minutes = whole / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60)
                   : fmt::format("{}:{:02}", minutes, whole % 60);
}

ProgressBar::ProgressBar(std::string title, int64_t total, int64_t start)
    : title_(std::move(title)), total_(total), start_(start), done_(start), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (line_open_) std::fputc('\n', stderr);
}

void ProgressBar::update(int64_t done, const std::string& note) {
  done_ = done;
  const auto now = Clock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
  if (done < total_ && now - last_draw_ < pause) return;
  last_draw_ = now;
  draw(note);
}

void ProgressBar::draw(const std::string& note) {
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin_).count();
  const double rate = elapsed > 0 ? static_cast<double>(done_ - start_) / elapsed : 0;
  const std::string eta = rate > 0 ? format_duration(static_cast<double>(total_ - done_) / rate) : "-";
  const std::string speed =
      rate >= 1 || rate == 0 ? fmt::format("{:.2f} it/s", rate) : fmt::format("{:.2f} s/it", 1 / rate);
  constexpr int64_t kWidth = 24;
  const int64_t filled = total_ > 0 ? std::min(kWidth, kWidth * done_ / total_) : kWidth;
  std::string bar(static_cast<size_t>(filled), '=');
  if (filled < kWidth) bar += '>' + std::string(static_cast<size_t>(kWidth - filled - 1), ' ');
  const std::string line = fmt::format("{} {}/{} [{}] {}  ETA {}  {}", title_, done_, total_, bar, speed, eta, note);
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "", line, terminal_ ? "" : "\n");
  std::fflush(stderr);
  line_open_ = terminal_;
}

}  // namespace lintorch
