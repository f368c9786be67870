#include "lintorch/bench/timing.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <vector>

#include "lintorch/core/device.h"

namespace lintorch::bench {
namespace {

std::vector<double> cpu_times(const std::function<void(int64_t)>& call, int64_t warmup, int64_t repeats) {
  std::vector<double> times;
  for (int64_t i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call(warmup + i);
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return times;
}

std::vector<double> device_times(const std::function<void(int64_t)>& call, c10::Device device, int64_t warmup,
                                 int64_t repeats) {
  const c10::impl::VirtualGuardImpl guard(device.type());
  const auto events = [&] {
    std::vector<c10::Event> list;
    for (int64_t i = 0; i < repeats; ++i) list.emplace_back(device.type(), c10::EventFlag::BACKEND_DEFAULT);
    return list;
  };
  std::vector<c10::Event> starts = events(), ends = events();
  for (int64_t i = 0; i < repeats; ++i) {
    starts[i].record(guard.getStream(device));
    call(warmup + i);
    ends[i].record(guard.getStream(device));
  }
  synchronize(device);
  std::vector<double> times;
  for (int64_t i = 0; i < repeats; ++i) times.push_back(starts[i].elapsedTime(ends[i]));
  return times;
}

}  // namespace

Timing time_calls(const std::function<void(int64_t)>& call, c10::Device device, int64_t warmup, int64_t repeats) {
  for (int64_t i = 0; i < warmup; ++i) call(i);
  synchronize(device);
  std::vector<double> times =
      device.is_cpu() ? cpu_times(call, warmup, repeats) : device_times(call, device, warmup, repeats);
  std::sort(times.begin(), times.end());
  const double count = static_cast<double>(times.size());
  const double mean = std::accumulate(times.begin(), times.end(), 0.0) / count;
  double square = 0;
  for (const double time : times) square += (time - mean) * (time - mean);
  return {times[times.size() / 2], times.front(), times.back(), std::sqrt(square / count),
          static_cast<int64_t>(times.size())};
}

}  // namespace lintorch::bench
