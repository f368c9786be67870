#include <catch2/catch.hpp>

#include <filesystem>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/train/metric_bag.h"
#include "lintorch/train/metrics_log.h"
#include "test/unit/train/tiny_unit.h"

namespace lintorch::train {
namespace {

std::vector<Json> read_lines(const std::filesystem::path& path) {
  std::istringstream text(read_file(path));
  std::vector<Json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

TEST_CASE("a metric bag gives means over everything added since the last flush", "[metrics]") {
  MetricBag bag;
  bag.add("a", at::full({}, 1.0f));
  bag.add("b", at::full({1}, 2.5, at::kDouble));
  bag.add("a", at::full({}, 4.0, at::kBFloat16));
  bag.add("a", 10.0);
  bag.add("c", at::full({}, 3, at::kLong));
  double known_later = 0;
  bag.add_later("c", [&] { return known_later; });
  known_later = 3;
  CHECK(bag.flush() == std::map<std::string, double>{{"a", 5.0}, {"b", 2.5}, {"c", 3.0}});
  CHECK(bag.flush().empty());
  CHECK_THROWS_WITH(bag.add("v", at::zeros({2})), Catch::Contains("expected a scalar for v"));
}

TEST_CASE("metrics.jsonl holds one object a log point; a resumed run drops later and broken lines", "[metrics]") {
  const TemporaryFolder folder;
  const auto path = folder.path / "metrics.jsonl";
  {
    MetricsLog log(folder.path, 1);
    for (int64_t step : {1, 2, 3}) log.write(step, 0.5 * step, {{"loss", 0.25 * step}});
  }
  write_file_atomic(path, read_file(path) + "{\"step\": 4, \"los");
  MetricsLog log(folder.path, 3);
  log.write(3, 9.0, {{"loss", std::numeric_limits<double>::quiet_NaN()}});
  const auto lines = read_lines(path);
  REQUIRE(lines.size() == 3);
  CHECK(lines[1] == Json{{"step", 2}, {"seconds", 1.0}, {"loss", 0.5}});
  CHECK(lines[2] == Json{{"step", 3}, {"seconds", 9.0}, {"loss", nullptr}});
  int event_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path / "tensorboard"))
    event_files += entry.file_size() > 0;
  CHECK(event_files >= 1);
}

}  // namespace
}  // namespace lintorch::train
