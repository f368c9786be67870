#include "lintorch/distill/export.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/models/wan/dit_checkpoint.h"
#include "test/unit/distill/distill_fixture.h"

using namespace lintorch;
using namespace lintorch::distill;

namespace {

linvideo::ExportConfig export_config(const test::DistillFixture& f, const std::string& run, const std::string& output) {
  linvideo::ExportConfig config;
  config.checkpoint = f.path(run);
  config.output = f.path(output);
  config.dtype = "fp32";
  return config;
}

TensorMap weights_of(const std::filesystem::path& model) { return wan::open_wan_dit(model / "transformer").state; }

}  // namespace

TEST_CASE("an exported folder holds the generator, its steps, and no guidance", "[distill_export]") {
  test::DistillFixture f;
  f.write_linear_start("linear");
  f.config.teacher = f.config.model;
  f.config.model = f.path("linear");
  f.config.shift = 5;
  const TensorMap trained = f.train("run");
  CHECK(is_distillation(f.folder / "run"));
  auto config = export_config(f, "run", "distilled");
  config.ema = false;
  export_distilled(config);
  const TensorMap exported = weights_of(f.folder / "distilled");
  size_t compared = 0;
  for (const auto& [name, value] : trained)
    if (!name.starts_with("critic.")) {
      INFO(name);
      CHECK(torch::equal(exported.at(name), value));
      ++compared;
    }
  CHECK(compared == exported.size());
  const auto model = pipeline::open_video_model(f.folder / "distilled");
  CHECK(model.dit.config.attention_of(3) == wan::AttentionKind::kLinear);
  REQUIRE(model.defaults.few_steps);
  CHECK(model.defaults.few_steps->times == diffusion::warp_steps({1000, 500}, 5));
  CHECK(model.defaults.few_steps->shift == 5);
  CHECK(model.defaults.steps == 2);
  CHECK(model.defaults.guidance == 1);
  const Json description = read_json_file(f.folder / "distilled/distillation.json");
  CHECK(description["step"] == 12);
  CHECK(description["distill"]["steps"] == Json({1000.0, 500.0}));
  CHECK(std::filesystem::exists(f.folder / "distilled/linearization.json"));
  CHECK_FALSE(is_distillation(f.folder / "distilled"));

  // Averaged weights are others; a conversion to the other layout and back keeps times and bits.
  config = export_config(f, "run", "averaged");
  config.layout = ModelLayout::kOriginal;
  export_distilled(config);
  linvideo::ExportConfig back;
  back.model = f.path("averaged");
  back.output = f.path("back");
  linvideo::export_linearized(back);
  CHECK(pipeline::open_video_model(f.folder / "back").defaults.few_steps->times == model.defaults.few_steps->times);
  const auto checkpoint = train::read_train_checkpoint(linvideo::find_checkpoint(f.folder / "run"));
  const TensorMap averaged = weights_of(f.folder / "back");
  CHECK_FALSE(torch::equal(averaged.at("proj_out.weight"), exported.at("proj_out.weight")));
  CHECK(torch::equal(averaged.at("proj_out.weight"), checkpoint.ema.at("proj_out.weight")));
}

TEST_CASE("adapters of the generator are merged", "[distill_export]") {
  test::DistillFixture f;
  f.config.trainable = linvideo::TrainableKind::kLora;
  f.config.lora.rank = 2;
  f.trainer.ema_decay = 0;
  f.trainer.lr = 1e-2;
  f.train("run");
  export_distilled(export_config(f, "run", "distilled"));
  auto exported = wan::load_wan_dit(f.folder / "distilled/transformer", at::kFloat, at::kCPU);
  auto unit = f.unit();
  train::Trainer loop(f.trainer, unit, f.folder / "run");
  REQUIRE(loop.resume());
  torch::manual_seed(2);
  const at::Tensor x = torch::randn({1, 4, 2, 4, 4}), t = torch::full({1}, 500.f), text = torch::randn({1, 5, 16});
  const torch::NoGradGuard no_grad;
  const at::Tensor expected = unit.generator()->forward(x, t, text);
  // The same function by another order of fp32 sums: x W + (x A) B against x (W + A B).
  CHECK((exported->forward(x, t, text) - expected).norm().item<double>() < 1e-5 * expected.norm().item<double>());
  CHECK((f.teacher.dit->forward(x, t, text) - expected).norm().item<double>() > 1e-3 * expected.norm().item<double>());
}

TEST_CASE("a checkpoint is refused with the model of another run", "[distill_export]") {
  test::DistillFixture f;
  f.trainer.steps = 3;
  f.train("run");
  test::write_micro_model(f.folder / "other", /*seed=*/1);
  auto config = export_config(f, "run", "distilled");
  config.model = f.path("other");
  CHECK_THROWS_WITH(export_distilled(config), Catch::Contains("started from another model"));
  config = export_config(f, "run", "distilled");
  config.untrained_swap = f.path("swap");
  CHECK_THROWS_WITH(export_distilled(config), Catch::Contains("untrained_swap: expected null"));
  CHECK_THROWS_WITH(linvideo::export_linearized(export_config(f, "run", "distilled")), Catch::Contains("damaged"));
  CHECK_FALSE(std::filesystem::exists(f.folder / "distilled"));
}
