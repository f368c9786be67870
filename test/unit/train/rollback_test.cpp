#include "lintorch/train/rollback.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <sstream>

#include "lintorch/core/error.h"
#include "test/unit/train/tiny_unit.h"

namespace lintorch::train {
namespace {

namespace fs = std::filesystem;

std::vector<Json> log_lines(const fs::path& run) {
  std::istringstream text(read_file(run / "metrics.jsonl"));
  std::vector<Json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

TrainerConfig rollback_config(int64_t steps = 12) {
  auto config = tiny_config(steps);
  config.lr_schedule = LrScheduleKind::kConstant;
  config.warmup_steps = 0;
  config.max_rollbacks = 2;
  return config;
}

TEST_CASE("a NaN takes the run back to the last checkpoint, with other noise and a lower rate", "[rollback]") {
  const TemporaryFolder run;
  TinyUnit unit;
  unit.nan_step = 5;
  unit.healthy_after = 1;
  CHECK(Trainer(rollback_config(), unit, run.path).run() == TrainResult::kFinished);
  CHECK(unit.w1.isfinite().all().item<bool>());
  const auto rollbacks = read_rollbacks(run.path);
  REQUIRE(rollbacks.size() == 1);
  CHECK(rollbacks[0].step == 6);
  CHECK(rollbacks[0].to == 4);
  CHECK(rollbacks[0].reason.find("not finite at step 5: loss nan") == 0);
  CHECK(unit.rollbacks == 1);
  const auto lines = log_lines(run.path);
  REQUIRE(lines.size() == 12);
  for (size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i]["step"] == i + 1);
    CHECK(lines[i]["lr"].get<double>() == Approx(i < 4 ? 0.01 : 0.005));
    CHECK(lines[i].contains("rollbacks") == (i >= 4));
  }
  // The repeated steps are those of a run that had the second stream from step 4 on.
  const auto steps = read_train_checkpoint(*latest_checkpoint_folder(run.path)).optimizer.at("step/weights");
  CHECK(steps.equal(at::full({2}, 12.0f)));
}

TEST_CASE("an alarm that comes again goes one checkpoint further back, then ends the run", "[rollback]") {
  const TemporaryFolder run;
  TinyUnit unit;
  unit.nan_step = 9;
  Trainer trainer(rollback_config(), unit, run.path);
  CHECK_THROWS_WITH(trainer.run(), Catch::Contains("not finite at step 9") &&
                                       Catch::Contains("2 roll-backs did not help") &&
                                       Catch::Contains("step_00000008"));
  const auto rollbacks = read_rollbacks(run.path);
  REQUIRE(rollbacks.size() == 2);
  CHECK(rollbacks[0].to == 8);
  CHECK(rollbacks[1].to == 4);
  CHECK(unit.w1.isfinite().all().item<bool>());
}

TEST_CASE("an alarm before the first checkpoint goes back to the start", "[rollback]") {
  const TemporaryFolder run;
  TinyUnit unit, untrained;
  unit.nan_step = 1;
  unit.healthy_after = 1;
  bool same_start = false;
  unit.on_step = [&](int64_t step) {
    if (step == 0 && unit.rollbacks == 1) same_start = unit.steps_done == 1;
  };
  CHECK(Trainer(rollback_config(), unit, run.path).run() == TrainResult::kFinished);
  CHECK(read_rollbacks(run.path).at(0).to == 0);
  CHECK(same_start);
}

TEST_CASE("a spike of the loss is an alarm as configured", "[rollback]") {
  const TemporaryFolder quiet_run, run;
  TinyUnit quiet, unit;
  quiet.spike_step = unit.spike_step = 9;
  unit.healthy_after = 1;
  auto config = rollback_config();
  CHECK(Trainer(config, quiet, quiet_run.path).run() == TrainResult::kFinished);
  CHECK(read_rollbacks(quiet_run.path).empty());
  config.alarms.loss_factor = 20;
  config.alarms.min_points = 5;
  CHECK(Trainer(config, unit, run.path).run() == TrainResult::kFinished);
  const auto rollbacks = read_rollbacks(run.path);
  REQUIRE(rollbacks.size() == 1);
  CHECK(rollbacks[0].to == 8);
  CHECK(rollbacks[0].reason.find("loss") == 0);
}

TEST_CASE("a run stopped after a roll-back resumes to the same bits", "[rollback]") {
  const TemporaryFolder whole_run, run;
  TinyUnit whole, first, second;
  for (auto* unit : {&whole, &first, &second}) {
    unit->nan_step = 5;
    unit->healthy_after = 1;
  }
  Trainer(rollback_config(), whole, whole_run.path).run();
  first.on_step = [&](int64_t step) {
    if (step == 4 && first.rollbacks == 1) throw std::runtime_error("killed");  // before anything new is saved
  };
  CHECK_THROWS_WITH(Trainer(rollback_config(), first, run.path).run(), "killed");
  Trainer trainer(rollback_config(), second, run.path);
  CHECK(trainer.resume());
  CHECK(trainer.step() == 4);
  CHECK(trainer.run() == TrainResult::kFinished);
  CHECK(read_rollbacks(run.path).size() == 1);
  CHECK(same_weights(whole, second));
}

TEST_CASE("a new run in an old folder forgets earlier roll-backs", "[rollback]") {
  const TemporaryFolder run;
  append_rollback(run.path, {.step = 3, .to = 1, .reason = "old"});
  TinyUnit unit;
  Trainer(rollback_config(), unit, run.path).run();
  CHECK(read_rollbacks(run.path).empty());
  CHECK(unit.rollbacks == 0);
}

}  // namespace
}  // namespace lintorch::train
