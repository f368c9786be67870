#include "lintorch/eval/gate_trajectories.h"

#include <unistd.h>
#include <catch2/catch.hpp>

#include <filesystem>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/eval/svg_plot.h"

using namespace lintorch;

TEST_CASE("gate_plot draws one line per layer and names bad input", "[gate_trajectories]") {
  const auto path =
      std::filesystem::temp_directory_path() / ("lintorch_gates_" + std::to_string(::getpid()) + ".jsonl");
  write_file_atomic(path,
                    "{\"step\": 0, \"loss\": 1.0, \"gate/0\": 0.9, \"gate/1\": 0.8}\n{\"step\": 5, \"gate/0\": 0.1, "
                    "\"gate/1\": 1.0}\n");
  const std::string svg = eval::gate_plot(path);
  CHECK(svg.find("layer 0") != std::string::npos);
  CHECK(svg.find("layer 1") != std::string::npos);
  size_t lines = 0;
  for (size_t at = svg.find("<polyline"); at != std::string::npos; at = svg.find("<polyline", at + 1)) ++lines;
  CHECK(lines == 2);
  for (int step = 0; step <= 5; ++step) CHECK(svg.find(">" + std::to_string(step) + "</text>") != std::string::npos);

  write_file_atomic(path, "{\"step\": 0, \"loss\": 1.0}\n");
  CHECK_THROWS_WITH(eval::gate_plot(path), Catch::Contains("no gates"));
  write_file_atomic(path, "{\"step\": 0\n");
  CHECK_THROWS_WITH(eval::gate_plot(path), Catch::Contains("line 1"));
  std::filesystem::remove(path);
  CHECK_THROWS_AS(eval::gate_plot(path), IoError);
}

TEST_CASE("text in plots and pages is escaped", "[gate_trajectories]") {
  CHECK(eval::escape_html("a<b & \"c\">") == "a&lt;b &amp; &quot;c&quot;&gt;");
}
