#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace lintorch {

/// Runs `body` under LibTorch's profiler and writes what ran to `trace`, a Chrome trace (chrome://tracing, Perfetto).
/// Returns a table: wall time and time that the device was busy; per kernel (without a device: per operator) calls, total
/// time, share of the wall time. The trace holds every event, so keep runs short.
std::string profile(const std::filesystem::path& trace, const std::function<void()>& body);

}  // namespace lintorch
