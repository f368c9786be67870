#include "lintorch/eval/gate_trajectories.h"

#include <map>
#include <sstream>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/eval/svg_plot.h"

namespace lintorch::eval {

std::string gate_plot(const std::filesystem::path& metrics_jsonl) {
  constexpr std::string_view kPrefix = "gate/";
  std::map<int64_t, PlotSeries> gates;
  std::istringstream lines(read_file(metrics_jsonl));
  std::string line;
  for (int64_t number = 1; std::getline(lines, line); ++number) {
    if (line.empty()) continue;
    const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    LT_CHECK(record.is_object() && record.contains("step"), ConfigError,
             "[gate_plot] {} line {}: expected a JSON object with a step", metrics_jsonl.string(), number);
    for (const auto& [key, value] : record.items()) {
      if (!key.starts_with(kPrefix) || !value.is_number()) continue;
      const int64_t layer = std::stoll(key.substr(kPrefix.size()));
      auto& series = gates[layer];
      series.label = "layer " + std::to_string(layer);
      series.x.push_back(record["step"].get<double>());
      series.y.push_back(value.get<double>());
    }
  }
  LT_CHECK(!gates.empty(), ConfigError, "[gate_plot] {} holds no gates (metrics named \"gate/<layer>\")",
           metrics_jsonl.string());
  std::vector<PlotSeries> series;
  for (auto& [layer, trajectory] : gates) series.push_back(std::move(trajectory));
  PlotOptions options;
  options.title = "Gates r: 1 = softmax, 0 = linear";
  options.x_label = "training step";
  options.y_label = "r";
  return svg_line_plot(series, options);
}

}  // namespace lintorch::eval
