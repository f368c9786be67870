// Training by several processes: each rank is this program again, with a hidden test.
#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <sstream>

#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/dist/connect.h"
#include "test/support/ranks.h"
#include "test/unit/train/tiny_unit.h"

namespace lintorch::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRun = "LINTORCH_TEST_RUN";
constexpr const char* kShard = "LINTORCH_TEST_SHARD";
constexpr const char* kEvent = "LINTORCH_TEST_EVENT";  // "stop" or "kill" at step 5 on rank 1, "nan" on all

TrainerConfig ranks_config() {
  auto config = tiny_config(12);
  config.accumulate = 4;
  config.max_rollbacks = 1;
  return config;
}

TEST_CASE("training of one rank", "[.rank_trains]") {
  at::set_num_threads(1);
  const auto launch = dist::read_launch(dist::process_environment).value();
  const auto group = dist::connect(launch, at::kCPU, std::chrono::seconds(60));
  TinyUnit unit(4);
  auto config = ranks_config();
  config.shard = enum_from_name<ShardKind>(std::getenv(kShard), "shard");
  const std::string event = std::getenv(kEvent);
  unit.on_step = [&](int64_t step) {
    if (step != 5 || group->rank() != 1) return;
    if (event == "stop") std::raise(SIGTERM);
    if (event == "kill") std::raise(SIGKILL);
  };
  if (event == "nan") unit.nan_step = 5;
  unit.healthy_after = 1;
  int code = 0;
  try {
    Trainer trainer(config, unit, std::getenv(kRun), group.get());
    trainer.resume();
    code = trainer.run() == TrainResult::kFinished ? 0 : 3;
    group->close();
  } catch (const Error& e) {
    log_error("{}", e.what());
    code = 1;
  }
  std::_Exit(code);
}

std::vector<int> train(int ranks, const std::string& shard, const fs::path& run, const std::string& event = "") {
  fs::create_directories(run);
  return test::wait_for_ranks(
      test::start_ranks(ranks, "[.rank_trains]", run, {{kRun, run.string()}, {kShard, shard}, {kEvent, event}}));
}

TrainCheckpoint end_of(const fs::path& run) { return read_train_checkpoint(*latest_checkpoint_folder(run)); }

/// A process alone, by the plain path without any group.
TrainCheckpoint alone(const fs::path& run, int64_t nan_step = -1) {
  TinyUnit unit(4);
  unit.nan_step = nan_step;
  unit.healthy_after = 1;
  Trainer(ranks_config(), unit, run).run();
  return end_of(run);
}

// Sums of four gradients in another order: a few units in the last place of fp32 after 12 steps, of values near 1.
void check_same(const TrainCheckpoint& a, const TrainCheckpoint& b) {
  CHECK(a.step == b.step);
  const auto check_map = [](const TensorMap& left, const TensorMap& right) {
    REQUIRE(left.size() == right.size());
    for (const auto& [name, tensor] : left) {
      INFO(name);
      CHECK((tensor.to(at::kDouble) - right.at(name).to(at::kDouble)).abs().max().item<double>() < 2e-6);
    }
  };
  check_map(a.model, b.model);
  check_map(a.optimizer, b.optimizer);
  check_map(a.ema, b.ema);
}

TEST_CASE("1, 2 and 4 ranks with the same micro-batches train the same model", "[ranks]") {
  const TemporaryFolder folder;
  const auto reference = alone(folder.path / "alone");
  const auto [ranks, shard] = GENERATE(table<int, std::string>(
      {{1, "gradients"}, {2, "none"}, {2, "optimizer"}, {2, "gradients"}, {4, "none"}, {4, "gradients"}}));
  const auto run = folder.path / "ranks";
  const auto codes = train(ranks, shard, run);
  INFO(ranks << " ranks, shard " << shard << "\n" << test::rank_output(run, 0));
  CHECK(codes == std::vector<int>(static_cast<size_t>(ranks), 0));
  check_same(end_of(run), reference);
  // The log is that of one run: every step once, the loss of all micro-batches.
  std::istringstream log(read_file(run / "metrics.jsonl")), expected(read_file(folder.path / "alone/metrics.jsonl"));
  int64_t lines = 0;
  for (std::string line, other; std::getline(log, line) && std::getline(expected, other); ++lines) {
    const auto mine = Json::parse(line), theirs = Json::parse(other);
    CHECK(mine.at("step") == theirs.at("step"));
    for (const char* key : {"loss", "error", "grad_norm", "lr"})
      CHECK(mine.at(key).get<double>() == Approx(theirs.at(key).get<double>()).epsilon(1e-5));
  }
  CHECK(lines == 12);
}

TEST_CASE("a signal to one rank stops all, and another number of ranks goes on", "[ranks]") {
  const TemporaryFolder folder;
  const auto reference = alone(folder.path / "alone");
  const auto run = folder.path / "ranks";
  CHECK(train(2, "gradients", run, "stop") == std::vector<int>{3, 3});
  CHECK(end_of(run).step == 6);
  SECTION("four ranks") { CHECK(train(4, "optimizer", run) == std::vector<int>(4, 0)); }
  SECTION("one process") {
    TinyUnit unit(4);
    Trainer trainer(ranks_config(), unit, run);
    CHECK(trainer.resume());
    CHECK(trainer.run() == TrainResult::kFinished);
  }
  check_same(end_of(run), reference);
}

TEST_CASE("ranks roll back together", "[ranks]") {
  const TemporaryFolder folder;
  const auto reference = alone(folder.path / "alone", 5);
  const auto run = folder.path / "ranks";
  CHECK(train(2, "gradients", run, "nan") == std::vector<int>{0, 0});
  check_same(end_of(run), reference);
  CHECK(fs::exists(run / "rollbacks.json"));
}

TEST_CASE("a killed rank ends the run, and the last checkpoint is good", "[ranks]") {
  const TemporaryFolder folder;
  const auto reference = alone(folder.path / "alone");
  const auto run = folder.path / "ranks";
  const auto begin = std::chrono::steady_clock::now();
  CHECK(train(2, "none", run, "kill") == std::vector<int>{1, 128 + SIGKILL});
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
  CHECK_THAT(test::rank_output(run, 0), Catch::Contains("rank 1 (") && Catch::Contains("has ended"));
  CHECK(end_of(run).step == 4);
  CHECK(train(2, "none", run) == std::vector<int>{0, 0});
  check_same(end_of(run), reference);
}

}  // namespace
}  // namespace lintorch::train
