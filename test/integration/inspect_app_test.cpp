#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/json.h"
#include "lintorch/io/safetensors.h"
#include "test/support/run_app.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using Catch::Contains;

namespace {

void check_refused(const test::AppResult& result, int exit_code, const std::string& message) {
  CHECK(result.exit_code == exit_code);
  CHECK_THAT(result.output, Contains(message));
}

/// One sampler step of a small video; the latents go to latents.safetensors in the folder.
test::AppResult generate_once(const test::TempDir& scratch, const std::string& model, const std::string& options) {
  return test::run_app("generate",
                       "--model " + model + " --prompt x --size 16x16 --frames 5 --steps 1 --device cpu " + options +
                           " --save-latents " + (scratch / "latents.safetensors").string() + " --output " +
                           (scratch / "out.gif").string(),
                       scratch.path());
}

}  // namespace

TEST_CASE("lintorch-inspect lists its commands and refuses others", "[inspect_app]") {
  const test::TempDir scratch;
  const auto inspect = [&](const std::string& arguments) {
    return test::run_app("inspect", arguments, scratch.path());
  };
  const auto help = inspect("--help");
  CHECK(help.exit_code == 0);
  for (const std::string command : {"run", "describe", "compare", "random", "metadata"}) {
    INFO(command);
    CHECK_THAT(help.output, Contains(command));
    const auto result = inspect(command + " --help");
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.output, Contains("Configuration keys"));
    check_refused(inspect(command + " --set devcie=cpu"), 2, "unknown key");
    CHECK(inspect(command).exit_code == 2);  // nothing to work on
  }
  CHECK(inspect("--version").exit_code == 0);
  check_refused(inspect("dance"), 2, "expected a command, got \"dance\"");
  check_refused(inspect(""), 2, "expected a command");
  check_refused(inspect("describe a b"), 2, "unexpected argument \"b\"");
  check_refused(inspect("describe /nonexistent"), 1, "/nonexistent");
}

TEST_CASE("lintorch-inspect from a random model to the parameters of its video", "[inspect_app]") {
  const test::TempDir scratch;
  const auto run = [&](const std::string& app, const std::string& arguments) {
    const auto result = test::run_app(app, arguments, scratch.path());
    INFO(result.output);
    CHECK(result.exit_code == 0);
    return result.output;
  };
  const std::string model = (scratch / "model").string(), other = (scratch / "other").string();
  const std::string small = " --set transformer.num_layers=2 --set vae.base_dim=8";
  run("inspect", "random --preset tiny --seed 1 --output " + model + small);
  run("inspect", "random --preset tiny --seed 2 --output " + other + small);
  CHECK_THAT(run("inspect", "describe " + model + " --size 32x32 --frames 5"), Contains("2 layers of width 256"));
  CHECK_THAT(run("inspect", "compare --device cpu --size 32x32 --frames 5 " + model + " " + other),
             Contains("velocity"));

  io::write_safetensors(scratch / "in.safetensors", {{"z", torch::zeros({1, 16, 2, 4, 4})}});
  run("inspect", "run --component vae_decode --device cpu --model " + model + " --input " +
                     (scratch / "in.safetensors").string() + " --output " + (scratch / "out.safetensors").string());
  CHECK(io::SafetensorsFile(scratch / "out.safetensors").tensor("sample").sizes() ==
        at::IntArrayRef({1, 3, 5, 16, 16}));

  run("generate", "--model " + model +
                      " --prompt 'a red fox' --size 16x16 --frames 5 --steps 2 --device cpu --output " +
                      (scratch / "fox.gif").string());
  const Json json = Json::parse(run("inspect", "metadata " + (scratch / "fox.gif").string()));
  CHECK(json["parameters"]["prompt"] == "a red fox");
  CHECK(json["parameters"]["steps"] == 2);
}

TEST_CASE("a random model in Wan's own layout is described, compared, run and generates as in Diffusers'",
          "[inspect_app]") {
  const test::TempDir scratch;
  const auto run = [&](const std::string& app, const std::string& arguments) {
    const auto result = test::run_app(app, arguments, scratch.path());
    INFO(result.output);
    CHECK(result.exit_code == 0);
    return result.output;
  };
  const std::string original = (scratch / "original").string(), diffusers = (scratch / "diffusers").string();
  const std::string small =
      " --seed 1 --set transformer.num_layers=2 --set vae.base_dim=8 --set max_shard_bytes=1000000";
  run("inspect", "random --layout original --output " + original + small);
  run("inspect", "random --layout diffusers --output " + diffusers + small);
  CHECK(std::filesystem::exists(scratch / "original" / "Wan2.1_VAE.pth"));
  CHECK(std::filesystem::exists(scratch / "original" / "diffusion_pytorch_model.safetensors.index.json"));
  const auto inspect_json = [&](const std::string& arguments) {
    const std::string output = run("inspect", arguments);
    return Json::parse(output.substr(output.find('{')));  // after the log, which goes to stderr
  };
  const auto describe = [&](const std::string& arguments) {
    return inspect_json("describe --json --size 64x32 --frames 5 " + arguments);
  };
  const Json expected = describe(diffusers);
  CHECK(describe(original) == expected);
  CHECK(expected["video"]["width"] == 64);
  CHECK(describe(original + " --set components.vae=" + diffusers + "/vae") == expected);
  const Json compared =
      inspect_json("compare --json --device cpu --size 32x32 --frames 5 " + original + " " + diffusers);
  CHECK(compared["velocity"] == 0);

  const auto latents = [&](const std::string& model) {
    const std::string file = (scratch / "latents.safetensors").string();
    run("generate", "--model " + model +
                        " --prompt 'a red fox' --size 16x16 --frames 5 --steps 2 --device cpu --save-latents " + file +
                        " --output " + (scratch / "fox.gif").string());
    return io::SafetensorsFile(file).tensor("latents").clone();
  };
  CHECK(torch::equal(latents(original), latents(diffusers)));
}

TEST_CASE("lintorch-generate starts from given noise", "[inspect_app]") {
  const test::TempDir scratch;
  const auto model = (scratch / "model").string();
  REQUIRE(
      test::run_app("inspect", "random --set transformer.num_layers=1 --output " + model, scratch.path()).exit_code ==
      0);
  const auto generate = [&](const std::string& noise) { return generate_once(scratch, model, "--noise " + noise); };
  const auto write = [&](const std::string& name, const at::Tensor& noise) {
    io::write_safetensors(scratch / "noise.safetensors", {{name, noise}});
    return (scratch / "noise.safetensors").string();
  };
  torch::manual_seed(1);
  const auto latents = [&](const at::Tensor& noise) {
    CHECK(generate(write("noise", noise)).exit_code == 0);
    return io::SafetensorsFile(scratch / "latents.safetensors").tensor("latents").clone();
  };
  const auto noise = torch::randn({1, 16, 2, 4, 4});
  CHECK(torch::equal(latents(noise), latents(noise)));
  CHECK_FALSE(torch::equal(latents(noise), latents(-noise)));
  check_refused(generate(write("noise", torch::randn({1, 16, 2, 4, 6}))), 1, "expected [1, 16, 2, 4, 4]");
  check_refused(generate(write("latents", noise)), 1, "no tensor \"noise\"");
}

TEST_CASE("lintorch-generate attends in FP8 if told to, and says so", "[inspect_app]") {
  const test::TempDir scratch;
  const auto model = (scratch / "model").string();
  REQUIRE(
      test::run_app("inspect", "random --set transformer.num_layers=2 --output " + model, scratch.path()).exit_code ==
      0);
  const auto latents = [&](const std::string& options, bool announced) {
    const auto result = generate_once(scratch, model, options);
    INFO(result.output);
    CHECK(result.exit_code == 0);
    CHECK((result.output.find("FP8 attention in 2 of 2 layers") != std::string::npos) == announced);
    return io::SafetensorsFile(scratch / "latents.safetensors").tensor("latents").clone();
  };
  const auto exact = latents("", false);
  CHECK(torch::equal(latents("--fp8-attention false", false), exact));
  CHECK_FALSE(torch::equal(latents("--fp8-attention true", true), exact));
}
