#pragma once

#include <filesystem>
#include <string>

namespace lintorch::eval {

/// Plots every metric named "gate/<layer>" of a training run's metrics.jsonl against the step, as one <svg>.
/// Throws IoError when the file is missing, ConfigError naming the line when it is no JSON or holds no gates.
std::string gate_plot(const std::filesystem::path& metrics_jsonl);

}  // namespace lintorch::eval
