#include "lintorch/distill/regression_unit.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>
#include <functional>

#include "lintorch/distill/export.h"
#include "test/support/copy_checkpoint.h"
#include "test/unit/distill/distill_fixture.h"

using namespace lintorch;
using namespace lintorch::distill;

namespace {

struct Fixture : test::DistillFixture {
  Fixture() {
    collect("model", "store");
    config.objective = DistillObjective::kRegression;
    config.trajectories = path("store");
    config.prompts = "";
  }
  RegressionUnit regression() {
    teacher = pipeline::load_video_model(config.teacher_folder(), at::kFloat, at::kCPU);
    return RegressionUnit(teacher, config);
  }
  TensorMap train_regression(const std::string& run) {
    auto unit = regression();
    go_on(unit, run);
    return weights_of(unit.generator());
  }
};

double loss_at(RegressionUnit& unit, int64_t step) {
  train::MetricBag metrics;
  const at::NoGradGuard no_grad;
  return unit.training_loss(step, 0, metrics).item<double>();
}

}  // namespace

TEST_CASE("the regression's loss is the distance from one estimate to the end of the trajectory", "[regression_unit]") {
  Fixture f;
  f.config.batch_size = 1;
  auto unit = f.regression();
  CHECK_FALSE(f.teacher.text_encoder);
  const linvideo::TrajectoryStore store(f.path("store"));
  const auto& manifest = store.manifest();
  REQUIRE(unit.stored_steps().size() == 2);
  CHECK(manifest.sigmas[unit.stored_steps()[0]] == Approx(1).margin(0.05));
  CHECK(manifest.sigmas[unit.stored_steps()[1]] == Approx(0.75).margin(0.05));  // 0.5 at shift 3
  // Every draw is one of these.
  std::vector<double> possible;
  const at::NoGradGuard no_grad;
  for (const int64_t step : unit.stored_steps())
    for (int64_t i = 0; i < store.num_trajectories(); ++i) {
      const at::Tensor x = store.state(i, step).unsqueeze(0).to(at::kFloat);
      const at::Tensor velocity = unit.generator()->forward(x, torch::tensor({manifest.timesteps[step]}).to(at::kFloat),
                                                            store.text(i).unsqueeze(0).to(at::kFloat));
      const at::Tensor end = store.state(i, manifest.steps).unsqueeze(0).to(at::kFloat);
      possible.push_back((x - manifest.sigmas[step] * velocity - end).square().mean().item<double>());
    }
  std::set<size_t> seen;
  for (int64_t step = 0; step < 40; ++step) {
    const double loss = loss_at(unit, step);
    const auto found = std::find_if(possible.begin(), possible.end(), [&](double p) { return loss == Approx(p); });
    REQUIRE(found != possible.end());
    seen.insert(static_cast<size_t>(found - possible.begin()));
  }
  CHECK(seen.size() == possible.size());
}

TEST_CASE("the generator learns where trajectories end, alone, and distribution matching goes on from there",
          "[regression_unit]") {
  Fixture f;
  f.trainer.steps = 200;
  f.trainer.lr = 3e-3;
  auto unit = f.regression();
  const auto mean_loss = [&] {
    double sum = 0;
    for (int64_t step = 1000; step < 1020; ++step) sum += loss_at(unit, step);
    return sum / 20;
  };
  const double before = mean_loss();
  train::Trainer(f.trainer, unit, f.folder / "run").run();
  CHECK(mean_loss() < 0.5 * before);
  for (const auto& parameter : f.teacher.dit->parameters()) CHECK_FALSE(parameter.grad().defined());
  CHECK(unit.parameter_groups().size() == 1);

  linvideo::ExportConfig exported;
  exported.checkpoint = f.path("run");
  exported.output = f.path("start");
  exported.dtype = "fp32";
  exported.ema = false;
  export_distilled(exported);
  const TensorMap trained = Fixture::weights_of(unit.generator());
  f.config.objective = DistillObjective::kDmd;
  f.config.prompts = f.path("prompts.txt");
  f.config.teacher = f.path("model");
  f.config.model = f.path("start");
  auto matching = f.unit();
  for (const auto& p : matching.generator()->named_parameters()) CHECK(torch::equal(p.value(), trained.at(p.key())));
}

TEST_CASE("a resumed regression ends with the same bits", "[regression_unit]") {
  Fixture f;
  const TensorMap whole = f.train_regression("whole");
  f.trainer.save_every = 5;
  f.trainer.keep_last = 9;
  f.train_regression("parts");
  test::copy_checkpoint(f.folder / "parts", "step_00000005", f.folder / "resumed");
  const TensorMap resumed = f.train_regression("resumed");
  for (const auto& [name, value] : whole) CHECK(torch::equal(resumed.at(name), value));
  // The data is part of what must be the same.
  f.config.guidance = 1;
  CHECK_THROWS_WITH(f.train_regression("parts"), Catch::Contains("distill.guidance"));
}

TEST_CASE("trajectories that do not fit a regression are refused by name", "[regression_unit]") {
  Fixture f;
  const DistillConfig good = f.config;
  const auto refuses = [&](const std::function<void(DistillConfig&)>& change, const std::string& message) {
    f.config = good;
    change(f.config);
    CHECK_THROWS_WITH(f.regression(), Catch::Contains(message));
  };
  refuses([](auto& c) { c.trajectories = ""; }, "distill.trajectories: expected a folder of lintorch-collect");
  refuses([](auto& c) { c.trajectories = "/no/such/store"; }, "/no/such/store");
  refuses([](auto& c) { c.gan.weight = 1, c.gan.trajectories = "x"; }, "distill.gan.weight: expected 0");
  refuses([](auto& c) { c.frames = 9; }, "distill.trajectories: ");
  refuses([](auto& c) { c.steps = {1000, 1}; }, "has no state within 0.05 of time 0.003");
  test::write_micro_model(f.folder / "other", /*seed=*/1);
  refuses([&](auto& c) { c.model = f.path("other"); }, "another teacher");
}
