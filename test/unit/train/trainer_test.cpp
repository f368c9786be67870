#include "lintorch/train/trainer.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <sstream>

#include "lintorch/core/error.h"
#include "test/unit/train/tiny_unit.h"

namespace lintorch::train {
namespace {

namespace fs = std::filesystem;

std::vector<int64_t> logged_steps(const fs::path& run) {
  std::istringstream text(read_file(run / "metrics.jsonl"));
  std::vector<int64_t> steps;
  for (std::string line; std::getline(text, line);) steps.push_back(Json::parse(line).at("step").get<int64_t>());
  return steps;
}

double logged(const fs::path& run, int64_t line, const std::string& key) {
  std::istringstream text(read_file(run / "metrics.jsonl"));
  std::string content;
  for (int64_t i = 0; i <= line; ++i) std::getline(text, content);
  return Json::parse(content).at(key).get<double>();
}

TEST_CASE("a run lowers the loss and leaves logs, checkpoints and previews", "[trainer]") {
  const TemporaryFolder run;
  TinyUnit unit;
  auto config = tiny_config(60);
  config.lr = 0.05;
  config.preview_every = 30;
  config.log_every = 10;
  Trainer trainer(config, unit, run.path);
  CHECK_FALSE(trainer.resume());
  CHECK(trainer.run() == TrainResult::kFinished);
  CHECK(trainer.step() == 60);
  CHECK(logged_steps(run.path) == std::vector<int64_t>{10, 20, 30, 40, 50, 60});
  CHECK(logged(run.path, 5, "loss") < 0.85 * logged(run.path, 0, "loss"));
  CHECK(logged(run.path, 0, "error") == Approx(logged(run.path, 0, "loss")));
  CHECK(latest_checkpoint_folder(run.path)->filename() == "step_00000060");
  CHECK(read_file(run.path / "previews" / "step_00000030" / "preview.txt") == "30");
  // Previews see the averages, training the weights.
  CHECK(unit.preview_w1.equal(trainer.ema().state().at("w1")));
  CHECK_FALSE(unit.preview_w1.equal(unit.w1));
  CHECK(unit.gate.item<float>() >= 0.0f);
  CHECK(unit.gate.item<float>() <= 1.0f);
}

TEST_CASE("two micro-batches equal one batch of twice the size", "[trainer]") {
  const TemporaryFolder one, two;
  TinyUnit whole(16), halves(8);
  whole.use_noise = halves.use_noise = false;
  auto config = tiny_config(8);
  Trainer(config, whole, one.path).run();
  config.accumulate = 2;
  Trainer(config, halves, two.path).run();
  CHECK((whole.w1 - halves.w1).abs().max().item<double>() < 2e-6);
  CHECK(logged(one.path, 0, "loss") == Approx(logged(two.path, 0, "loss")));
  CHECK(logged(one.path, 0, "grad_norm") == Approx(logged(two.path, 0, "grad_norm")));
}

TEST_CASE("an interrupted and resumed run ends in the same bits", "[trainer]") {
  const TemporaryFolder whole_run, cut_run;
  TinyUnit whole, first, second;
  whole.gate_every = first.gate_every = second.gate_every = 3;
  const auto config = tiny_config(15);
  Trainer whole_trainer(config, whole, whole_run.path);
  whole_trainer.run();
  first.on_step = [](int64_t step) {
    if (step == 6) std::raise(SIGTERM);
  };
  Trainer first_trainer(config, first, cut_run.path);
  CHECK(first_trainer.run() == TrainResult::kInterrupted);
  CHECK(first_trainer.step() == 7);

  Trainer second_trainer(config, second, cut_run.path);
  CHECK(second_trainer.resume());
  CHECK(second_trainer.step() == 7);
  CHECK(second_trainer.run() == TrainResult::kFinished);
  CHECK(same_weights(whole, second));
  CHECK(same_tensors(whole_trainer.ema().state(), second_trainer.ema().state()));
  CHECK(logged_steps(cut_run.path) == logged_steps(whole_run.path));
  const auto a = read_train_checkpoint(*latest_checkpoint_folder(whole_run.path));
  const auto b = read_train_checkpoint(*latest_checkpoint_folder(cut_run.path));
  CHECK(same_tensors(a.optimizer, b.optimizer));

  TinyUnit third;
  Trainer finished(config, third, cut_run.path);
  CHECK(finished.resume());
  CHECK(finished.run() == TrainResult::kFinished);
  CHECK(same_weights(whole, third));
}

TEST_CASE("the handlers of SIGINT and SIGTERM are put back after a run", "[trainer]") {
  const TemporaryFolder run;
  const auto before = std::signal(SIGTERM, SIG_IGN);
  TinyUnit unit;
  Trainer(tiny_config(1), unit, run.path).run();
  CHECK(std::signal(SIGTERM, before) == SIG_IGN);
}

TEST_CASE("a corrupt newest checkpoint costs only the steps since the one before", "[trainer]") {
  const TemporaryFolder whole_run, run;
  TinyUnit whole, first, second;
  const auto config = tiny_config(12);
  Trainer(config, whole, whole_run.path).run();
  Trainer(config, first, run.path).run();
  fs::resize_file(*latest_checkpoint_folder(run.path) / "model.safetensors", 100);
  Trainer trainer(config, second, run.path);
  CHECK(trainer.resume());
  CHECK(trainer.step() == 8);
  trainer.run();
  CHECK(same_weights(whole, second));
  CHECK(logged_steps(run.path).size() == 12);
}

TEST_CASE("a NaN stops the run, names the step and leaves the last good checkpoint", "[trainer]") {
  const TemporaryFolder run;
  TinyUnit unit;
  unit.nan_step = 5;
  auto config = tiny_config(12);
  config.log_every = 100;  // found at the save of step 8
  Trainer trainer(config, unit, run.path);
  CHECK_THROWS_WITH(trainer.run(),
                    Catch::Contains("not finite at step 5: loss nan") && Catch::Contains("step_00000004"));
  CHECK(latest_checkpoint_folder(run.path)->filename() == "step_00000004");
  CHECK(unit.w1.isfinite().all().item<bool>());
}

TEST_CASE("as many non-finite steps as allowed are left out", "[trainer]") {
  const TemporaryFolder run;
  TinyUnit unit;
  unit.nan_step = 5;
  auto config = tiny_config(12);
  config.max_nonfinite = 1;
  CHECK(Trainer(config, unit, run.path).run() == TrainResult::kFinished);
  CHECK(unit.w1.isfinite().all().item<bool>());
  const auto checkpoint = read_train_checkpoint(*latest_checkpoint_folder(run.path));
  CHECK(checkpoint.optimizer.at("step/weights").equal(at::full({2}, 11.0f)));
}

TEST_CASE("other settings, another unit or another run's folder are refused", "[trainer]") {
  const TemporaryFolder run;
  TinyUnit unit;
  const auto config = tiny_config(4);
  Trainer(config, unit, run.path).run();
  auto other = config;
  other.lr = 0.5;
  other.seed = 9;
  CHECK_THROWS_WITH(Trainer(other, unit, run.path).resume(),
                    Catch::Contains("train.lr is 0.5") && Catch::Contains("train.seed"));
  TinyUnit other_unit(4);
  CHECK_THROWS_WITH(Trainer(config, other_unit, run.path).resume(), Catch::Contains("tiny.batch is 4 (was 8)"));
  TinyUnit wider;
  wider.w1 = at::zeros({6, 9}).requires_grad_();
  CHECK_THROWS_AS(Trainer(config, wider, run.path).resume(), CheckpointError);
  CHECK_THROWS_WITH(Trainer(config, unit, run.path).run(), Catch::Contains("is there already, from an earlier run"));
  other.steps = 0;
  CHECK_THROWS_WITH(Trainer(other, unit, run.path), Catch::Contains("train.steps"));
}

TEST_CASE("averaging starts at ema_start", "[trainer]") {
  const TemporaryFolder run;
  TinyUnit unit;
  auto config = tiny_config(5);
  config.ema_start = 4;
  Trainer trainer(config, unit, run.path);
  trainer.run();
  CHECK(trainer.ema().num_updates().at("weights") == 1);
  CHECK(trainer.ema().state().at("w1").equal(unit.w1));
}

}  // namespace
}  // namespace lintorch::train
