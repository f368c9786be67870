#include <catch2/catch.hpp>

#include <map>

#include "lintorch/core/json.h"
#include "test/support/run_app.h"
#include "test/support/temp_dir.h"

using namespace lintorch;

TEST_CASE("the bundled four-step model shows what its prompts say", "[bundled_models]") {
  const test::TempDir root;
  // The teacher's single step is not looked at: it only makes the evaluation short.
  const auto result = test::run_app(
      "eval",
      "--config configs/tiny_wan/eval.json --set device=cpu --set num_prompts=12 --set steps=1 --set videos_in_report=0"
      " --set 'candidates=[{\"name\":\"four\",\"model\":\"configs/tiny_wan/four_steps\"}]' --set output=" +
          (root / "eval").string(),
      root.path());
  INFO(result.output);
  REQUIRE(result.exit_code == 0);
  const Json report = read_json_file(root / "eval/report.json");
  const Json& model = report["models"][1];
  CHECK(model["steps"] == 4);
  CHECK(model["guidance"] == 1);
  CHECK(std::count(model["attention"].begin(), model["attention"].end(), "linear") == 4);
  std::map<std::string, double> four;
  for (const auto& row : report["rows"])
    if (row["row"] == "four") four[row["metric"]] = row["mean"];
  // 84 and 94 % of 1,024 prompts (docs/results/four_steps.md); of 15 objects, two standard deviations less are 65 and 81 %.
  CHECK(four["class_accuracy"] >= 65);
  CHECK(four["direction_accuracy"] >= 80);
}
