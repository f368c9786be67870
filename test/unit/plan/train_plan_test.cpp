#include "lintorch/plan/train_plan.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/linvideo/linearize_unit.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::plan;
using Catch::Contains;

namespace {

struct Fixture : linvideo::LinearizeFixture {
  TrainRunConfig run() const {
    TrainRunConfig run;
    run.output = (folder / "run").string();
    run.train = trainer;
    run.linearize = config;
    return run;
  }
};

const PlanOptions kCpu{.ranks = 1, .gpu = false, .gpu_bytes = {}, .size = {}, .frames = {}};

}  // namespace

TEST_CASE("a plan says memory, disk, steps and that time is unknown, and writes nothing", "[train_plan]") {
  const Fixture f;
  const Json plan = plan_training(f.run(), kCpu);
  CHECK(plan["problems"].empty());
  CHECK(plan["latent"] == Json({4, 2, 4, 4}));
  CHECK(plan["steps"]["total"] == 20);
  CHECK(plan["memory"]["peak"].get<double>() > 0);
  CHECK(plan["disk"]["checkpoints"] == 3);  // keep_last and the one being written
  CHECK(plan["disk"]["trajectories"].get<double>() > 0);
  CHECK_FALSE(plan["time"].contains("seconds"));
  CHECK_FALSE(std::filesystem::exists(f.folder / "run"));
  const std::string text = plan_text(plan);
  for (const char* word : {"teacher", "optimizer", "activations", "(predicted)", "disk", "not known"})
    CHECK_THAT(text, Contains(word));
}

TEST_CASE("a plan takes time and place from an earlier run of the folder", "[train_plan]") {
  Fixture f;
  f.trainer.log_every = 2;
  f.trainer.steps = 8;
  f.train("run");
  f.trainer.steps = 20;
  TrainRunConfig run = f.run();
  CHECK_THAT(plan_text(plan_training(run, kCpu)), Contains("PROBLEM   output: "));
  run.resume = true;
  const Json plan = plan_training(run, kCpu);
  CHECK(plan["problems"].empty());
  CHECK(plan["steps"]["done"] == 8);
  CHECK(plan["time"]["seconds"].get<double>() == Approx(12 * plan["time"]["seconds_per_step"].get<double>()));
  CHECK_THAT(plan["time"]["basis"].get<std::string>(), Contains("measured"));
}

TEST_CASE("a plan names what keeps a run from starting", "[train_plan]") {
  const Fixture f;
  const auto problems = [&](const std::function<void(TrainRunConfig&, PlanOptions&)>& change) {
    TrainRunConfig run = f.run();
    PlanOptions options = kCpu;
    change(run, options);
    return plan_training(run, options)["problems"].dump();
  };
  CHECK_THAT(problems([](auto& c, auto&) { c.linearize.trajectories = "/no/store"; }), Contains("lintorch-collect"));
  CHECK_THAT(problems([](auto&, auto& o) {
               o.gpu = true;
               o.gpu_bytes = 1000;
             }),
             Contains("memory: "));
  CHECK_THAT(problems([](auto& c, auto&) {
               c.linearize.objective.states = linvideo::StateSource::kOnline;
               c.linearize.objective.online.prompts = "/no/prompts.txt";
             }),
             Contains("online.prompts"));
  TrainRunConfig run = f.run();
  run.linearize.model = "/no/model";
  CHECK_THROWS_AS(plan_training(run, kCpu), ConfigError);
  run = f.run();
  PlanOptions two = kCpu;
  two.ranks = 2;
  CHECK_THROWS_WITH(plan_training(run, two), Contains("train.accumulate"));
}
