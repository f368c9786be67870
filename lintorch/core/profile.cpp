#include "lintorch/core/profile.h"

#include <fmt/format.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <algorithm>
#include <map>
#include <vector>

#include "lintorch/core/device.h"

namespace lintorch {

namespace {

namespace profiler = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;

constexpr size_t kRows = 40, kNameLength = 100;

struct Total {
  std::string name;
  int64_t calls = 0;
  double ms = 0;
};

std::string summary(const profiler::ProfilerResult& result, bool on_device) {
  std::map<std::string, Total> by_name;
  double busy_ms = 0;
  uint64_t begin = ~uint64_t{0}, end = 0;
  for (const auto& event : result.events()) {
    begin = std::min(begin, event.startNs());
    end = std::max(end, event.endNs());
    if ((event.deviceType() != at::kCPU) != on_device) continue;
    Total& total = by_name[event.name()];
    ++total.calls;
    total.ms += static_cast<double>(event.durationNs()) * 1e-6;
    busy_ms += static_cast<double>(event.durationNs()) * 1e-6;
  }
  std::vector<Total> totals;
  for (auto& [name, total] : by_name) {
    total.name = name;
    totals.push_back(total);
  }
  std::sort(totals.begin(), totals.end(), [](const Total& a, const Total& b) { return a.ms > b.ms; });
  int64_t calls = 0;
  for (const auto& total : totals) calls += total.calls;
  const double wall_ms = end > begin ? static_cast<double>(end - begin) * 1e-6 : 0.0;
  std::string text = fmt::format(
      "wall {:.1f} ms, {} {:.1f} ms in {} calls\n\n| calls | ms | of wall | {} |\n|---|---|---|---|\n", wall_ms,
      on_device ? "device busy" : "operators", busy_ms, calls, on_device ? "kernel" : "operator (with those it calls)");
  for (size_t i = 0; i < std::min(kRows, totals.size()); ++i)
    text += fmt::format("| {} | {:.2f} | {:.1f} % | {} |\n", totals[i].calls, totals[i].ms,
                        100 * totals[i].ms / wall_ms, totals[i].name.substr(0, kNameLength));
  return text;
}

}  // namespace

std::string profile(const std::filesystem::path& trace, const std::function<void()>& body) {
  const bool on_device =
      resolve_device("auto").is_cuda();  // loads LibTorch's CUDA half before the profiler asks for it
  std::set<ActivityType> activities = {ActivityType::CPU};
  if (on_device) activities.insert(ActivityType::CUDA);
  const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities, {at::RecordScope::FUNCTION});
  std::unique_ptr<profiler::ProfilerResult> result;
  try {
    body();
  } catch (...) {
    profiler::disableProfiler();
    throw;
  }
  result = profiler::disableProfiler();
  result->save(trace.string());
  return summary(*result, on_device);
}

}  // namespace lintorch
