#include "lintorch/core/config_fields.h"

#include <catch2/catch.hpp>

using namespace lintorch;

namespace {

enum class Objective { kMse, kAdm };

struct InnerConfig {
  double min_t = 0.02;
  std::vector<int64_t> layers = {1, 2};
  template <class V>
  void visit(V& v) {
    v("min_t", min_t, "lowest flow time, in [0,1)");
    v("layers", layers, "layers, from 0");
  }
  void validate(const std::string& path) const {
    LT_CHECK(min_t >= 0 && min_t < 1, ConfigError, "{}.min_t: expected a value in [0,1), got {}", path, min_t);
  }
};

struct OuterConfig {
  int64_t steps = 10;
  bool resume = false;
  Objective objective = Objective::kMse;
  std::optional<std::string> prompts;
  InnerConfig inner;
  template <class V>
  void visit(V& v) {
    v("steps", steps, "optimizer steps");
    v("resume", resume);
    v("objective", objective, "training objective");
    v("prompts", prompts);
    v("inner", inner);
  }
};

}  // namespace

template <>
struct lintorch::EnumNames<Objective> {
  static constexpr std::pair<Objective, std::string_view> table[] = {{Objective::kMse, "mse"},
                                                                     {Objective::kAdm, "adm"}};
};

TEST_CASE("a config survives the round trip through JSON", "[config_fields]") {
  OuterConfig config;
  config.steps = 7;
  config.objective = Objective::kAdm;
  config.prompts = "prompts.txt";
  config.inner.layers = {3};
  const auto copy = config_from_json<OuterConfig>(config_to_json(config));
  CHECK(config_to_json(copy) == config_to_json(config));
  CHECK(copy.objective == Objective::kAdm);
}

TEST_CASE("unknown keys are refused with the nearest known name", "[config_fields]") {
  CHECK_THROWS_WITH(config_from_json<OuterConfig>(Json{{"stepz", 3}}, "run.json:"),
                    Catch::Contains("run.json: stepz") && Catch::Contains("did you mean \"steps\""));
  CHECK_THROWS_WITH(config_from_json<OuterConfig>(Json{{"inner", {{"min_tt", 0.1}}}}), Catch::Contains("inner.min_tt"));
  CHECK_NOTHROW(config_from_json<OuterConfig>(Json{{"_comment", "free"}}));
}

TEST_CASE("wrong types and values name the path", "[config_fields]") {
  CHECK_THROWS_WITH(config_from_json<OuterConfig>(Json{{"steps", "ten"}}),
                    Catch::Contains("steps: expected an integer"));
  CHECK_THROWS_WITH(config_from_json<OuterConfig>(Json{{"objective", "msee"}}), Catch::Contains("mse|adm"));
  CHECK_THROWS_WITH(config_from_json<OuterConfig>(Json{{"inner", {{"min_t", 1.5}}}}), Catch::Contains("inner.min_t"));
}

TEST_CASE("null takes an optional text of the file back, and is a word elsewhere", "[config_fields]") {
  const Json defaults = config_to_json(OuterConfig{});
  OuterConfig config;
  config.prompts = "prompts.txt";
  Json json = config_to_json(config);
  apply_override(json, "prompts=null", defaults);
  CHECK_FALSE(config_from_json<OuterConfig>(json).prompts);
  apply_override(json, "prompts=nullify.txt", defaults);
  CHECK(config_from_json<OuterConfig>(json).prompts == "nullify.txt");
  Json word{{"name", "x"}};
  apply_override(word, "name=null", Json{{"name", "x"}});
  CHECK(word["name"] == "null");
}

TEST_CASE("overrides reach nested fields and refuse unknown ones", "[config_fields]") {
  const auto config = load_config<OuterConfig>({}, {"inner.min_t=0.25", "objective=adm", "prompts=a.txt", "steps=3"});
  CHECK(config.inner.min_t == 0.25);
  CHECK(config.objective == Objective::kAdm);
  CHECK(config.prompts == "a.txt");
  CHECK_THROWS_WITH(load_config<OuterConfig>({}, {"inner.mint=1"}), Catch::Contains("did you mean \"min_t\""));
  CHECK_THROWS_AS(load_config<OuterConfig>({}, {"steps"}), ConfigError);
}
