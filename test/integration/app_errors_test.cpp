#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "test/support/micro_model.h"
#include "test/support/run_app.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using Catch::Contains;

namespace {

void check_refused(const test::AppResult& result, int exit_code, const std::string& message) {
  CHECK(result.exit_code == exit_code);
  CHECK_THAT(result.output, Contains(message));
}

}  // namespace

TEST_CASE("a dry run prints the plan, starts nothing, and fails where the run could not start", "[app_errors]") {
  const test::TempDir scratch;
  test::write_micro_model(scratch / "model");
  write_file_atomic(scratch / "prompts.txt", "a red circle\na blue square\na green star\na white cat\n");
  const std::string run = (scratch / "run").string();
  const std::string options = " --dry-run --set device=cpu --output " + run +
                              " --set linearize.model=" + (scratch / "model").string() +
                              " --set linearize.linear_attention.feature_dim=8";
  const std::string online = options +
                             " --set linearize.objective.states=online --set linearize.objective.online.prompts=" +
                             (scratch / "prompts.txt").string();
  const auto good = test::run_app("train", online, scratch.path());
  CHECK(good.exit_code == 0);
  for (const char* word : {"\"states\": \"online\"", "optimizer", "peak", "disk", "steps", "not known before"})
    CHECK_THAT(good.output, Contains(word));
  CHECK_FALSE(std::filesystem::exists(run));
  check_refused(test::run_app("train", options + " --set linearize.trajectories=/no/store", scratch.path()), 2,
                "run lintorch-collect first");
  check_refused(test::run_app("train", online + " --set linearize.model=/no/model", scratch.path()), 2,
                "linearize.model: expected a model folder");
  CHECK_FALSE(std::filesystem::exists(run));
  // The same from lintorch-inspect, for another number of GPUs.
  write_file_atomic(
      scratch / "run.json",
      "{\"train\": {\"shard\": \"gradients\"}, \"linearize\": {\"linear_attention\": {\"feature_dim\": 8}}}");
  const auto described = test::run_app(
      "inspect", "describe --train " + (scratch / "run.json").string() + " --ranks 8 " + (scratch / "model").string(),
      scratch.path());
  CHECK(described.exit_code == 0);
  CHECK_THAT(described.output, Contains("8 processes") && Contains("80 GB GPU") && Contains("fits"));
}

TEST_CASE("every app serves --help and --version and refuses unknown keys", "[app_errors]") {
  const test::TempDir scratch;
  for (const char* app : {"pretrain", "collect", "train", "export", "generate", "eval"}) {
    INFO(app);
    const auto help = test::run_app(app, "--help", scratch.path());
    CHECK(help.exit_code == 0);
    CHECK_THAT(help.output, Contains("Configuration keys"));
    CHECK(test::run_app(app, "--version", scratch.path()).exit_code == 0);
    check_refused(test::run_app(app, "--set devcie=cpu", scratch.path()), 2, "unknown key");
    check_refused(test::run_app(app, "--config /nonexistent.json", scratch.path()), 1, "/nonexistent.json");
    check_refused(test::run_app(app, "--no-such-flag", scratch.path()), 2, "no-such-flag");
  }
}

TEST_CASE("the bundled configurations are complete and valid", "[app_errors]") {
  const test::TempDir scratch;
  const std::vector<std::pair<std::string, std::string>> configs = {{"pretrain", "pretrain"}, {"collect", "collect"},
                                                                    {"train", "linearize"},   {"export", "export"},
                                                                    {"generate", "generate"}, {"eval", "eval"}};
  for (const auto& [app, config] : configs) {
    const auto result =
        test::run_app(app, "--config configs/tiny_wan/" + config + ".json --print-config", scratch.path());
    INFO(result.output);
    CHECK(result.exit_code == 0);
  }
}

TEST_CASE("lintorch-generate refuses bad sizes, frames, models and outputs in one line", "[app_errors]") {
  const test::TempDir scratch;
  test::write_micro_model(scratch / "model");
  const auto generate = [&](const std::string& arguments) {
    return test::run_app("generate",
                         "--model " + (scratch / "model").string() +
                             " --prompt 'a star' --device cpu --steps 1 --output " + (scratch / "out.gif").string() +
                             " " + arguments,
                         scratch.path());
  };
  check_refused(generate("--size 17x16"), 2, "nearest is 16x16");
  check_refused(generate("--size wide"), 2, "WIDTHxHEIGHT");
  check_refused(generate("--frames 6"), 2, "nearest is 5");
  check_refused(generate("--steps 0"), 2, "steps");
  check_refused(generate("--device tpu"), 2, "tpu");
  check_refused(generate("--sampler heun"), 2, "euler|unipc");
  check_refused(test::run_app("generate", "--model /nonexistent --prompt x", scratch.path()), 1, "/nonexistent");
  check_refused(test::run_app("generate", "--model x --prompt x --output video.avi", scratch.path()), 2, ".avi");
  std::filesystem::remove_all(scratch / "model" / "vae");
  check_refused(generate(""), 1, "has no vae");
  CHECK_FALSE(std::filesystem::exists(scratch / "out.gif"));
}
