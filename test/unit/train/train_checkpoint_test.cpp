#include "lintorch/train/train_checkpoint.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/train/resume_check.h"
#include "test/unit/train/tiny_unit.h"

namespace lintorch::train {
namespace {

namespace fs = std::filesystem;

TrainCheckpoint make_checkpoint(int64_t step) {
  TrainCheckpoint checkpoint;
  checkpoint.step = step;
  checkpoint.seconds = 1.5;
  checkpoint.config = {{"lr", 0.1}};
  checkpoint.identity = {{"layers", 3}};
  checkpoint.watch = {{"phase", "p"}};
  checkpoint.ema_updates = {{"weights", step}};
  checkpoint.model = {{"w", at::full({4}, static_cast<float>(step))}};
  checkpoint.optimizer = {{"step/weights", at::ones({1})}};
  checkpoint.ema = {{"w", at::ones({4})}};
  checkpoint.extra = {{"count", at::scalar_tensor(7, at::kLong)}};
  return checkpoint;
}

std::vector<std::string> folder_names(const fs::path& run) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints")) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST_CASE("a training checkpoint reads back as it was written", "[train_checkpoint]") {
  const TemporaryFolder run;
  const auto written = make_checkpoint(12);
  const auto folder = save_train_checkpoint(run.path, written, 1);
  CHECK(folder == run.path / "checkpoints" / "step_00000012");
  CHECK(latest_checkpoint_folder(run.path) == folder);
  const auto read = read_train_checkpoint(folder);
  CHECK(read.step == 12);
  CHECK(read.seconds == 1.5);
  CHECK(read.config == written.config);
  CHECK(read.identity == written.identity);
  CHECK(read.ema_updates == written.ema_updates);
  CHECK(read.watch == written.watch);
  CHECK(checkpoint_bytes(read) == 4 * 4 + 4 + 4 * 4 + 8);
  CHECK(same_tensors(read.model, written.model));
  CHECK(same_tensors(read.optimizer, written.optimizer));
  CHECK(same_tensors(read.ema, written.ema));
  CHECK(same_tensors(read.extra, written.extra));
}

TEST_CASE("the newest checkpoints are kept, and those of a later step removed", "[train_checkpoint]") {
  const TemporaryFolder run;
  for (int64_t step : {10, 20, 30, 40}) save_train_checkpoint(run.path, make_checkpoint(step), 2);
  CHECK(folder_names(run.path) == std::vector<std::string>{"step_00000030", "step_00000040"});
  save_train_checkpoint(run.path, make_checkpoint(35), 3);
  CHECK(folder_names(run.path) == std::vector<std::string>{"step_00000030", "step_00000035"});
  save_train_checkpoint(run.path, make_checkpoint(35), 1);
  CHECK(folder_names(run.path) == std::vector<std::string>{"step_00000035"});
}

TEST_CASE("checkpoints at multiples of keep_every stay", "[train_checkpoint]") {
  const TemporaryFolder run;
  for (int64_t step = 5; step <= 45; step += 5) save_train_checkpoint(run.path, make_checkpoint(step), 1, 20);
  CHECK(folder_names(run.path) == std::vector<std::string>{"step_00000020", "step_00000040", "step_00000045"});
}

TEST_CASE("unreadable checkpoints are passed over", "[train_checkpoint]") {
  const TemporaryFolder run;
  for (int64_t step : {1, 2, 3}) save_train_checkpoint(run.path, make_checkpoint(step), 3);
  const fs::path newest = run.path / "checkpoints" / "step_00000003";
  SECTION("cut short") { fs::resize_file(newest / "optimizer.safetensors", 60); }
  SECTION("a file is missing") { fs::remove(newest / "extra.safetensors"); }
  SECTION("not complete") { fs::remove(newest / "DONE"); }
  SECTION("state is not JSON") { write_file_atomic(newest / "state.json", "{\"step\""); }
  SECTION("state lacks a key") { write_file_atomic(newest / "state.json", "{\"format_version\": 1}"); }
  SECTION("another format") {
    auto state = read_json_file(newest / "state.json");
    state["format_version"] = 99;
    write_json_file(newest / "state.json", state);
    CHECK_THROWS_WITH(read_train_checkpoint(newest), Catch::Contains("format 99 is not supported"));
  }
  CHECK(read_latest_checkpoint(run.path)->step == 2);
  CHECK_FALSE(read_latest_checkpoint(run.path / "elsewhere"));
}

TEST_CASE("a continuation with other settings is refused by name", "[train_checkpoint]") {
  const Json saved = {{"steps", 10}, {"lr", 0.1}, {"lr_schedule", "cosine"}, {"log_every", 1}, {"betas", {0.9, 0.99}}};
  Json now = saved;
  now["log_every"] = 50;
  CHECK_NOTHROW(check_same_trainer_config(saved, now));
  now["lr"] = 0.2;
  now["steps"] = 20;
  CHECK_THROWS_AS(check_same_trainer_config(saved, now), ConfigError);
  CHECK_THROWS_WITH(check_same_trainer_config(saved, now),
                    Catch::Contains("train.lr is 0.2 (was 0.1)") && Catch::Contains("train.steps is 20 (was 10)"));
  Json constant = saved, longer = saved;
  constant["lr_schedule"] = longer["lr_schedule"] = "constant";
  longer["steps"] = 20;
  CHECK_NOTHROW(check_same_trainer_config(constant, longer));

  const Json identity = {{"objective", {{"kind", "adm"}, {"t", 0.5}}}};
  CHECK_NOTHROW(check_same_identity(identity, identity, "linearize"));
  CHECK_THROWS_WITH(
      check_same_identity(identity, {{"objective", {{"kind", "mse"}}}}, "linearize"),
      Catch::Contains("linearize.objective.kind is \"mse\" (was \"adm\")") && Catch::Contains("objective.t is null"));
}

}  // namespace
}  // namespace lintorch::train
