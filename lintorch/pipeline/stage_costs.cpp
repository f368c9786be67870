#include "lintorch/pipeline/stage_costs.h"

#include <fmt/format.h>

#include <algorithm>

#include "lintorch/core/device.h"

namespace lintorch::pipeline {

namespace {

double gibibytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

}  // namespace

StageCosts::Scope::Scope(StageCosts& costs, std::string stage) : costs_(costs), stage_(std::move(stage)) {
  synchronize(costs_.device_);
  reset_peak_memory(costs_.device_);
  begin_ = std::chrono::steady_clock::now();
}

StageCosts::Scope::~Scope() {
  try {
    synchronize(costs_.device_);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin_;
    costs_.stages_.push_back({stage_, elapsed.count(), peak_memory_bytes(costs_.device_)});
  } catch (...) {  // a failing device reports itself through `work`
  }
}

int64_t StageCosts::peak_bytes() const {
  int64_t peak = 0;
  for (const auto& cost : stages_) peak = std::max(peak, cost.peak_bytes);
  return peak;
}

std::string StageCosts::table() const {
  const bool memory = !device_.is_cpu();
  double total = 0;
  std::string text = fmt::format("{:<22}{:>10}{}\n", "part", "seconds", memory ? "  peak GiB" : "");
  const auto line = [&](const std::string& stage, double seconds, int64_t bytes) {
    text += fmt::format("{:<22}{:>10.2f}", stage, seconds);
    if (memory) text += fmt::format("{:>10.2f}", gibibytes(bytes));
    text += '\n';
  };
  for (const auto& cost : stages_) {
    line(cost.stage, cost.seconds, cost.peak_bytes);
    total += cost.seconds;
  }
  line("all", total, peak_bytes());
  return text;
}

Json StageCosts::json() const {
  double total = 0;
  Json stages = Json::array();
  for (const auto& cost : stages_) {
    stages.push_back({{"stage", cost.stage}, {"seconds", cost.seconds}, {"peak_bytes", cost.peak_bytes}});
    total += cost.seconds;
  }
  return {
      {"device", device_description(device_)}, {"stages", stages}, {"seconds", total}, {"peak_bytes", peak_bytes()}};
}

}  // namespace lintorch::pipeline
