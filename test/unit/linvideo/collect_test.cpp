#include "lintorch/linvideo/collect.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/diffusion/guidance.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

constexpr const char* kFolderVariable = "LINTORCH_COLLECT_TEST_FOLDER";

CollectConfig config_in(const std::filesystem::path& folder, const std::string& output) {
  CollectConfig config;
  config.model = (folder / "model").string();
  config.prompts = (folder / "prompts.txt").string();
  config.output = (folder / output).string();
  config.trajectories_per_shard = 2;
  config.batch_size = 2;
  config.device = "cpu";
  config.storage_dtype = "fp32";
  config.sampler = diffusion::SamplerKind::kEuler;
  config.seed = 3;
  return config;
}

struct Fixture {
  Fixture() {
    test::write_micro_model(folder / "model");
    write_file_atomic(folder / "prompts.txt", "a red circle moves left\na blue square\na green star\n");
  }
  CollectConfig config(const std::string& output = "store") const { return config_in(folder.path(), output); }
  test::TempDir folder;
};

}  // namespace

TEST_CASE("collected trajectories are the teacher's own sampling run", "[collect]") {
  const Fixture f;
  const auto summary = collect_trajectories(f.config());
  CHECK(summary.trajectories == 3);
  CHECK(summary.reused == 0);
  const TrajectoryStore store(f.folder / "store");
  const auto& m = store.manifest();
  CHECK(m.steps == 4);
  CHECK(m.guidance == 3);
  CHECK(m.latent_shape == std::vector<int64_t>{4, 2, 4, 4});
  CHECK(m.prompts[1] == "a blue square");

  auto dit = wan::load_wan_dit(f.folder / "model/transformer", at::kFloat, at::kCPU);
  torch::NoGradGuard no_grad;
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t step = 0; step < m.steps; ++step) {
      const at::Tensor x = store.state(i, step);
      const at::Tensor timestep = torch::full({1}, m.timesteps[step]);
      const at::Tensor cond = dit->forward(x.unsqueeze(0), timestep, store.text(i).unsqueeze(0))[0];
      const at::Tensor uncond = dit->forward(x.unsqueeze(0), timestep, store.unconditional_text().unsqueeze(0))[0];
      CHECK(torch::allclose(store.conditional_velocity(i, step), cond, 1e-4, 1e-5));
      CHECK(torch::allclose(store.unconditional_velocity(i, step), uncond, 1e-4, 1e-5));
      const at::Tensor next = x + (m.sigmas[step + 1] - m.sigmas[step]) * diffusion::guide(cond, uncond, m.guidance);
      CHECK(torch::allclose(store.state(i, step + 1), next, 1e-3, 1e-4));
    }
  }
  CHECK_FALSE(torch::allclose(store.state(0, 0), store.state(1, 0)));
}

TEST_CASE("without guidance no unconditional velocity is stored", "[collect]") {
  const Fixture f;
  auto config = f.config();
  config.guidance = 1;
  config.num_trajectories = 4;  // cycles through the prompts
  collect_trajectories(config);
  const TrajectoryStore store(f.folder / "store");
  CHECK_FALSE(store.manifest().has_unconditional());
  CHECK(torch::equal(store.text(0), store.text(3)));
  CHECK_FALSE(torch::equal(store.state(0, 0), store.state(3, 0)));
}

TEST_CASE("a store of states alone holds the same states in a third of the bytes", "[collect]") {
  const Fixture f;
  collect_trajectories(f.config());
  auto config = f.config("states");
  config.content = StoreContent::kStates;
  collect_trajectories(config);
  const TrajectoryStore full(f.folder / "store"), states(f.folder / "states");
  CHECK(full.manifest().has_velocities());
  CHECK_FALSE(states.manifest().has_velocities());
  CHECK(states.manifest().has_unconditional());
  for (int64_t i = 0; i < 3; ++i) {
    CHECK(torch::equal(states.text(i), full.text(i)));
    for (int64_t step = 0; step <= 4; ++step) CHECK(torch::equal(states.state(i, step), full.state(i, step)));
  }
  // 5 states, against 5 states and 4 velocities of two branches.
  CHECK(states.manifest().trajectory_bytes() * 13 == full.manifest().trajectory_bytes() * 5);
  CHECK(states.manifest().shards[0].bytes < full.manifest().shards[0].bytes);
  CHECK_THROWS_AS(states.conditional_velocity(0, 0), std::logic_error);
  config.content = StoreContent::kStatesAndVelocities;
  CHECK_THROWS_WITH(collect_trajectories(config), Catch::Contains("content"));
}

TEST_CASE("a store from before the field content is read as one with velocities", "[collect]") {
  const Fixture f;
  collect_trajectories(f.config());
  Json manifest = read_json_file(f.folder / "store/manifest.json");
  CHECK(manifest.at("content") == "states_and_velocities");
  manifest.erase("content");
  write_json_file(f.folder / "store/manifest.json", manifest);
  const TrajectoryStore store(f.folder / "store");
  CHECK(store.manifest().has_velocities());
  CHECK(store.conditional_velocity(2, 3).numel() > 0);
  CHECK(collect_trajectories(f.config()).reused == 3);
}

TEST_CASE("a finished collection is reused, another request is refused", "[collect]") {
  const Fixture f;
  collect_trajectories(f.config());
  CHECK(collect_trajectories(f.config()).reused == 3);
  auto other = f.config();
  other.steps = 5;
  CHECK_THROWS_WITH(collect_trajectories(other), Catch::Contains("steps = 4, this run asks for 5"));
  test::write_micro_model(f.folder / "model", /*seed=*/1);
  CHECK_THROWS_WITH(collect_trajectories(f.config()), Catch::Contains("teacher"));
}

TEST_CASE("wrong prompts, sizes and full disks are refused before any work", "[collect]") {
  const Fixture f;
  auto config = f.config();
  config.size = "17x16";
  CHECK_THROWS_WITH(collect_trajectories(config), Catch::Contains("17x16"));
  std::string long_prompt;
  for (int i = 0; i < 40; ++i) long_prompt += "circle ";
  write_file_atomic(f.folder / "prompts.txt", "fine\n" + long_prompt + "\n");
  CHECK_THROWS_WITH(collect_trajectories(f.config()), Catch::Contains("too long") && Catch::Contains("40 tokens"));
  CHECK_THROWS_WITH(check_free_space(f.folder / "not/there/yet", int64_t{1} << 60, "make room"),
                    Catch::Contains("needs 1152921504.61 GB") && Catch::Contains("GB free: make room"));
  CHECK_NOTHROW(check_free_space(f.folder.path(), 1, ""));
  CHECK_FALSE(std::filesystem::exists(f.folder / "store"));
}

// Run by the next test in a process of its own.
TEST_CASE("collect in a child process", "[.collect_child]") {
  const char* folder = std::getenv(kFolderVariable);
  REQUIRE(folder != nullptr);
  auto config = config_in(folder, "killed");
  config.num_trajectories = 24;
  collect_trajectories(config);
}

TEST_CASE("killed at random moments, a collection ends with the same bytes", "[collect]") {
  const Fixture f;
  ::setenv(kFolderVariable, f.folder.path().c_str(), 1);
  std::mt19937 random(17);
  int kills = 0;
  const auto manifest = f.folder / "killed/manifest.json";
  for (int attempt = 0; attempt < 60; ++attempt) {
    std::string program = "/proc/self/exe", filter = "[.collect_child]";
    char* arguments[] = {program.data(), filter.data(), nullptr};
    pid_t child = 0;
    REQUIRE(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environ) == 0);
    // Let it come to its work, then kill it somewhere in there; the last attempts may finish.
    const auto shards = [&] {
      return std::filesystem::exists(manifest) ? read_manifest(f.folder / "killed").shards.size() : 0;
    };
    const size_t before = shards();
    while (::waitpid(child, nullptr, WNOHANG) == 0 && shards() <= before)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (kills < 5) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      kills += ::kill(child, SIGKILL) == 0;
    }
    int status = 0;
    if (::waitpid(child, &status, 0) == child && WIFEXITED(status)) {
      REQUIRE(WEXITSTATUS(status) == 0);
    }
    if (shards() == 12) break;
  }
  CHECK(kills > 0);
  auto config = f.config("whole");
  config.num_trajectories = 24;
  collect_trajectories(config);
  const TrajectoryStore killed(f.folder / "killed");
  for (int64_t shard = 0; shard < 12; ++shard) {
    const std::string file = killed.manifest().shard_file(shard);
    CHECK(read_file(f.folder / ("killed/" + file)) == read_file(f.folder / ("whole/" + file)));
  }
  CHECK(read_file(manifest) == read_file(f.folder / "whole/manifest.json"));
}
