#pragma once

#include <c10/core/Device.h>

#include <chrono>
#include <memory>
#include <string>

#include "lintorch/train/metric_bag.h"

namespace c10 {
struct Event;
}

namespace lintorch::train {

/// While it lives, a part of a training step: adds the metric "seconds/<part>". Measured between two events on the current
/// stream, so that it neither waits for the device nor counts what was queued before; wall time on the CPU.
class TimedPart {
 public:
  TimedPart(MetricBag& metrics, std::string part, c10::Device device);
  ~TimedPart();
  TimedPart(const TimedPart&) = delete;
  TimedPart& operator=(const TimedPart&) = delete;

 private:
  MetricBag& metrics_;
  std::string name_;
  c10::Device device_;
  std::chrono::steady_clock::time_point begin_;  // CPU
  std::shared_ptr<c10::Event> start_;            // other devices
};

}  // namespace lintorch::train
