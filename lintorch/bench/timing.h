#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>

namespace lintorch::bench {

/// Of single calls, in milliseconds.
struct Timing {
  double median = 0, fastest = 0, slowest = 0, deviation = 0;
  int64_t count = 0;
};

/// Times `call(i)`, i = 0.. counting warm-up calls too, on the current stream of the device: each call between two
/// device events (a steady clock on the CPU), without waiting in between.
Timing time_calls(const std::function<void(int64_t)>& call, c10::Device device, int64_t warmup, int64_t repeats);

}  // namespace lintorch::bench
