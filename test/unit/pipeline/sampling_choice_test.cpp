#include "lintorch/pipeline/sampling_choice.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/pipeline/model_export.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using namespace lintorch::pipeline;
using diffusion::SamplerKind;

namespace {

GenerationDefaults distilled() {
  GenerationDefaults defaults;
  defaults.few_steps = FewStepDefaults{diffusion::warp_steps({1000, 750, 500, 250}, 5), 5};
  return defaults;
}

}  // namespace

TEST_CASE("an ordinary model fills a request up from its scheduler and defaults", "[sampling_choice]") {
  const diffusion::SchedulerConfig scheduler{.sampler = SamplerKind::kEuler, .flow_shift = 7};
  GenerationDefaults defaults;
  defaults.steps = 30;
  const SampleOptions own = choose_sampling({}, scheduler, defaults);
  CHECK(own.sampler == SamplerKind::kEuler);
  CHECK(own.steps == 30);
  CHECK(own.shift == 7);
  CHECK(own.guidance == 5);
  CHECK(own.times.empty());
  const SampleOptions asked = choose_sampling({SamplerKind::kUniPc, 4, 3.0, 1.0, {}}, scheduler, defaults);
  CHECK(asked.sampler == SamplerKind::kUniPc);
  CHECK(asked.steps == 4);
  CHECK(asked.shift == 3);
  CHECK(asked.guidance == 1);
  CHECK(distillation_mismatches(asked, defaults).empty());
  const SampleOptions timed = choose_sampling({.times = std::vector{1.0, 0.5}}, scheduler, defaults);
  CHECK(timed.times == std::vector{1.0, 0.5});
  CHECK(timed.steps == 2);
  CHECK_THROWS_WITH(choose_sampling({.steps = 3, .times = std::vector{1.0, 0.5}}, scheduler, defaults),
                    Catch::Contains("steps: expected 2"));
}

TEST_CASE("a distilled model runs at its times, without guidance, unless told otherwise", "[sampling_choice]") {
  const GenerationDefaults defaults = distilled();
  const auto choose = [&](const SamplingRequest& request) { return choose_sampling(request, {}, defaults); };
  const SampleOptions own = choose({});
  CHECK(own.sampler == SamplerKind::kRenoise);
  CHECK(own.times == defaults.few_steps->times);
  CHECK(own.steps == 4);
  CHECK(own.guidance == 1);
  CHECK(distillation_mismatches(own, defaults).empty());
  CHECK(distillation_mismatches(choose({.steps = 4, .guidance = 1.0}), defaults).empty());

  const SampleOptions eight = choose({.steps = 8});
  CHECK(eight.times == diffusion::even_times(8, 5));
  REQUIRE(distillation_mismatches(eight, defaults).size() == 1);
  CHECK_THAT(distillation_mismatches(eight, defaults)[0],
             Catch::Contains("distilled for 4 steps") && Catch::Contains("not for 8 steps"));
  const SampleOptions shifted = choose({.shift = 3.0});
  CHECK(shifted.times == diffusion::even_times(4, 3));
  CHECK(distillation_mismatches(shifted, defaults).size() == 1);
  const SampleOptions guided = choose({.guidance = 3.0});
  REQUIRE(distillation_mismatches(guided, defaults).size() == 1);
  CHECK_THAT(distillation_mismatches(guided, defaults)[0], Catch::Contains("guidance built in"));
  const SampleOptions unipc = choose({.sampler = SamplerKind::kUniPc});
  CHECK(unipc.times.empty());
  CHECK(distillation_mismatches(unipc, defaults).size() == 2);
}

TEST_CASE("a model is not written over a checkpoint or what it is made from", "[sampling_choice]") {
  const test::TempDir folder;
  for (const char* name : {"model", "run/checkpoints/step_1"}) std::filesystem::create_directories(folder / name);
  write_file_atomic(folder / "run/checkpoints/step_1/state.json", "{}");
  CHECK_THROWS_WITH(check_export_folder(folder / "run/checkpoints/step_1", {}),
                    Catch::Contains("is a training checkpoint"));
  CHECK_THROWS_WITH(check_export_folder(folder / "run/../model/", {folder / "model"}),
                    Catch::Contains("would replace"));
  CHECK_THROWS_WITH(check_export_folder(folder / "run", {"", folder / "run/checkpoints"}),
                    Catch::Contains("would replace"));
  CHECK_NOTHROW(check_export_folder(folder / "model_2", {folder / "model", ""}));
  CHECK_NOTHROW(check_export_folder(folder / "model/linearized", {folder / "model"}));
}

TEST_CASE("flow times that do not fall are named", "[sampling_choice]") {
  CHECK_NOTHROW(check_times({1, 0.5, 0.25}, "times"));
  using Times = std::vector<double>;
  for (const auto& times : {Times{}, Times{0.5, 1}, Times{2, 1}, Times{1, 1}, Times{1, 0.5, 0}})
    CHECK_THROWS_WITH(check_times(times, "candidates[0].times"),
                      Catch::Contains("candidates[0].times: expected falling flow times in (0,1]"));
}

TEST_CASE("few-step defaults are written into a folder of either layout, beside what was there", "[sampling_choice]") {
  const test::TempDir root;
  test::write_micro_model(root / "model");
  Json index = read_json_file(root / "model/model_index.json");
  index["_name_or_path"] = "kept";
  write_json_file(root / "model/model_index.json", index);
  CHECK_FALSE(read_generation_defaults(root / "model").few_steps);
  GenerationDefaults defaults = read_generation_defaults(root / "model");
  defaults.few_steps = distilled().few_steps;
  replace_generation_defaults(root / "model", ModelLayout::kDiffusers, defaults);
  CHECK(read_json_file(root / "model/model_index.json")["_name_or_path"] == "kept");
  const auto check = [&](const GenerationDefaults& read) {
    REQUIRE(read.few_steps);
    CHECK(read.few_steps->times == defaults.few_steps->times);
    CHECK(read.few_steps->sampler == SamplerKind::kRenoise);
    CHECK(read.few_steps->shift == 5);
    CHECK(read.width == 16);
  };
  check(read_generation_defaults(root / "model"));
  std::filesystem::create_directories(root / "original");
  replace_generation_defaults(root / "original", ModelLayout::kOriginal, defaults);
  check(read_generation_settings(root / "original", ModelLayout::kOriginal).second);

  index = read_json_file(root / "model/model_index.json");
  index["_lintorch"]["defaults"]["few_steps"]["times"] = {0.5, 0.9};
  write_json_file(root / "model/model_index.json", index);
  CHECK_THROWS_WITH(read_generation_defaults(root / "model"), Catch::Contains("few_steps.times: expected falling"));
}

TEST_CASE("a renoised sample depends on its seed and not on its batch", "[sampling_choice]") {
  auto dit = test::micro_dit();
  torch::manual_seed(2);
  const at::Tensor text = torch::randn({2, 3, 16});
  SampleOptions options;
  options.sampler = SamplerKind::kRenoise;
  options.times = {1.0, 0.8, 0.4};
  options.guidance = 1;
  const std::vector<uint64_t> seeds{5, 6};
  const at::Tensor noise = make_noise(seeds, {4, 2, 4, 4}, torch::kCPU);
  options.noise_seeds = seeds;
  const at::Tensor both = generate_latents(dit, text, {}, noise, options);
  options.noise_seeds = {6};
  const at::Tensor alone = generate_latents(dit, text.slice(0, 1), {}, noise.slice(0, 1), options);
  // Batched matrix products round differently.
  CHECK(torch::allclose(both.slice(0, 1), alone, 1e-4, 1e-5));
  options.noise_seeds = {7};
  CHECK_FALSE(
      torch::allclose(generate_latents(dit, text.slice(0, 1), {}, noise.slice(0, 1), options), alone, 1e-2, 1e-2));
  options.noise_seeds = {};
  CHECK_THROWS_WITH(generate_latents(dit, text, {}, noise, options), Catch::Contains("one noise seed per sample"));
}
