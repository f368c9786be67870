#include "lintorch/train/stop_signal.h"

#include <csignal>

namespace lintorch::train {

namespace {

volatile std::sig_atomic_t stop_requested = 0;

void on_signal(int signal) {
  if (stop_requested) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  stop_requested = 1;
}

}  // namespace

StopSignal::StopSignal() {
  stop_requested = 0;
  previous_int_ = std::signal(SIGINT, on_signal);
  previous_term_ = std::signal(SIGTERM, on_signal);
}

StopSignal::~StopSignal() {
  std::signal(SIGINT, previous_int_);
  std::signal(SIGTERM, previous_term_);
}

bool StopSignal::requested() const { return stop_requested != 0; }

}  // namespace lintorch::train
