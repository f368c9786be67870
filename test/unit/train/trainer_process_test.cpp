// Runs that die: each child is this program again, started with the hidden test "trainer child".
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "lintorch/core/error.h"
#include "test/unit/train/tiny_unit.h"

namespace lintorch::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRunVariable = "LINTORCH_TEST_TRAINER_RUN";
constexpr int64_t kSteps = 20;

TrainerConfig child_config(int64_t save_every = 1) {
  auto config = tiny_config(kSteps);
  config.save_every = save_every;
  return config;
}

pid_t start_child(const fs::path& run) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv(kRunVariable, run.c_str(), 1);
    ::execl("/proc/self/exe", "trainer-child", "[.trainer_child]", "-o", "/dev/null", nullptr);
    ::_exit(126);
  }
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

int64_t steps_saved(const fs::path& run) {
  const auto folder = latest_checkpoint_folder(run);
  return folder ? std::stoll(folder->filename().string().substr(5)) : 0;
}

// Waits until the run has saved another step or the child is gone.
void wait_for_progress(const fs::path& run, pid_t child) {
  const int64_t before = steps_saved(run);
  siginfo_t info{};
  while (steps_saved(run) == before && info.si_pid != child) {
    ::waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST_CASE("trainer child", "[.trainer_child]") {
  const char* run = std::getenv(kRunVariable);
  if (run == nullptr) return;
  at::set_num_threads(1);
  TinyUnit unit;
  Trainer trainer(child_config(), unit, run);
  trainer.resume();
  std::_Exit(trainer.run() == TrainResult::kFinished ? 0 : 3);
}

TEST_CASE("a run killed at random moments and resumed ends in the same bits", "[trainer_process]") {
  const TemporaryFolder whole_run, run;
  TinyUnit whole;
  Trainer whole_trainer(child_config(0), whole, whole_run.path);
  whole_trainer.run();

  std::mt19937 random(std::random_device{}());
  int kills = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const pid_t child = start_child(run.path);
    wait_for_progress(run.path, child);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30000));
    ::kill(child, SIGKILL);
    const int status = wait_for(child);
    kills += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  CHECK(kills >= 1);
  const int64_t saved_before = steps_saved(run.path);
  CHECK(saved_before >= 1);

  TinyUnit resumed;
  Trainer trainer(child_config(0), resumed, run.path);
  CHECK(trainer.resume());
  CHECK(trainer.step() == saved_before);
  CHECK(trainer.run() == TrainResult::kFinished);
  CHECK(same_weights(whole, resumed));
  CHECK(same_tensors(whole_trainer.ema().state(), trainer.ema().state()));
  std::istringstream log(read_file(run.path / "metrics.jsonl"));
  int64_t step = 0;
  for (std::string line; std::getline(log, line);) CHECK(Json::parse(line).at("step") == ++step);
  CHECK(step == kSteps);
  // Nothing half-written is left.
  for (const auto& entry : fs::directory_iterator(run.path / "checkpoints"))
    CHECK(entry.path().filename().string()[0] == 's');
}

TEST_CASE("SIGTERM ends a run after its step, with a checkpoint", "[trainer_process]") {
  const TemporaryFolder run;
  const pid_t child = start_child(run.path);
  wait_for_progress(run.path, child);
  ::kill(child, SIGTERM);
  const int status = wait_for(child);
  REQUIRE(WIFEXITED(status));
  CHECK((WEXITSTATUS(status) == 3 || steps_saved(run.path) == kSteps));
  CHECK(steps_saved(run.path) >= 1);
}

TEST_CASE("a full disk raises IoError and leaves the last checkpoint", "[trainer_process]") {
  const TemporaryFolder run;
  // A limit on the size of a file fails writes as a full disk does.
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto previous_handler = std::signal(SIGXFSZ, SIG_IGN);
  TinyUnit unit;
  unit.on_step = [](int64_t step) {
    if (step != 5) return;
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 400;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  };
  auto config = tiny_config(12);
  config.log_every = 100;
  {
    Trainer trainer(config, unit, run.path);
    CHECK_THROWS_AS(trainer.run(), IoError);
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, previous_handler);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(run.path / "checkpoints")) left.push_back(entry.path().filename());
  CHECK(left == std::vector<std::string>{"step_00000004"});
  CHECK(read_latest_checkpoint(run.path)->step == 4);
}

constexpr const char* kDiskVariable = "LINTORCH_TEST_SMALL_DISK";

TEST_CASE("trainer child on a small disk", "[.small_disk_child]") {
  const char* disk = std::getenv(kDiskVariable);
  if (disk == nullptr) return;
  at::set_num_threads(1);
  TinyUnit unit;
  auto config = tiny_config(400);
  config.save_every = 1;
  config.keep_last = 1000;
  config.log_every = 400;
  Trainer trainer(config, unit, fs::path(disk) / "run");
  std::string message;
  try {
    trainer.run();
  } catch (const IoError& e) {
    message = e.what();
  }
  const auto last = read_latest_checkpoint(fs::path(disk) / "run");
  const bool good = message.find("could not be written") != std::string::npos &&
                    message.find("No space left on device") != std::string::npos && last && last->step >= 2 &&
                    message.find(fmt::format("step_{:08}", last->step)) != std::string::npos &&
                    last->step + 1 == trainer.step();
  if (!good) fmt::print(stderr, "{}\n", message);
  std::_Exit(good ? 0 : 4);
}

TEST_CASE("a disk that fills up ends the run with one clear error", "[trainer_process]") {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    // A tmpfs in a mount namespace of its own; without root, as root of a user namespace of its own.
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(77);
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount("tmpfs", folder.path.c_str(), "tmpfs", 0, "size=512k") != 0) ::_exit(77);
    ::setenv(kDiskVariable, folder.path.c_str(), 1);
    ::execl("/proc/self/exe", "small-disk-child", "[.small_disk_child]", "-o", "/dev/null", nullptr);
    ::_exit(126);
  }
  const int status = wait_for(child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) {
    WARN("no tmpfs can be mounted here; the size limit of the other test fails the writes");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a disk too small for the checkpoints is refused before the first step", "[trainer_process]") {
  const TemporaryFolder run;
  TinyUnit unit;
  auto config = tiny_config(12);
  config.steps = config.keep_last = int64_t{1} << 50;
  config.save_every = 1;
  config.lr_schedule = LrScheduleKind::kConstant;
  Trainer trainer(config, unit, run.path);
  CHECK_THROWS_WITH(trainer.run(), Catch::Contains("checkpoints are to come") && Catch::Contains("GB free"));
  CHECK(unit.steps_done == 0);
}

}  // namespace
}  // namespace lintorch::train
