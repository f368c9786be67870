#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/diffusion/guidance.h"
#include "lintorch/linvideo/rollout_pool.h"
#include "lintorch/linvideo/sampled_trajectories.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

struct Fixture : LinearizeFixture {
  Fixture() {
    write_file_atomic(folder / "prompts.txt", "a red circle\na blue square\na green star\na white cat\na black dog\n");
    config.trajectories = "";
    config.objective.states = StateSource::kOnline;
    config.objective.pool_size = 4;
    config.objective.online.prompts = (folder / "prompts.txt").string();
    config.objective.online.guidance = 3;
    config.objective.online.start_trajectories = 2;
    config.warmup.steps = 3;
  }
};

}  // namespace

TEST_CASE("online states are those of the teacher's own Euler run, at every member of the pool", "[online_states]") {
  Fixture f;
  const SampledTrajectories source(f.teacher, f.config.model, f.config.objective.online, 2, 1, 9);
  const TrajectoryManifest& m = source.manifest();
  CHECK(m.sampler == "euler");
  CHECK(m.trajectories == 5);
  CHECK_FALSE(m.has_velocities());
  CHECK_THROWS_AS(source.state(2, 0), std::logic_error);  // neither a first one nor held out
  CHECK(source.state(4, m.steps).isfinite().all().item<bool>());

  RolloutPool pool(source, 4, 2, 5, at::kCPU, 2);  // members: trajectory 0 at step 0, trajectory 1 at step steps / 2
  const auto teacher = velocity_of(f.teacher.dit);
  const torch::NoGradGuard no_grad;
  for (int64_t i = 0; i < m.steps / 2; ++i) {
    for (int64_t member = 0; member < 2; ++member) {
      const StateBatch batch = pool.next({i % 2 == 1});  // which branch is matched does not change the path
      const int64_t step = i + member * m.steps / 2;
      INFO("member " << member << " step " << step);
      // Guided velocities of one sample against those of a batch of two branches: fp32 rounding.
      CHECK(torch::allclose(batch.x_BCTHW[0], source.state(member, step), 1e-4, 1e-4));
      CHECK(batch.timestep_B.item<float>() == Approx(m.timesteps[step]));
      pool.advance_guided(batch, teacher, {});
    }
  }
  // Member 1 is finished: fresh noise, and the next prompt after the two of the start.
  pool.next({false});
  const StateBatch restarted = pool.next({false});
  CHECK(torch::equal(restarted.text_BSD[0], source.text(2)));
  CHECK(restarted.t_B.item<float>() == Approx(m.sigmas[0]));
}

TEST_CASE("a velocity at hand moves the pool as the one computed anew", "[online_states]") {
  Fixture f;
  const SampledTrajectories source(f.teacher, f.config.model, f.config.objective.online, 2, 1, 9);
  const auto teacher = velocity_of(f.teacher.dit);
  RolloutPool a(source, 4, 3, 5, at::kCPU, 2), b(source, 4, 3, 5, at::kCPU, 2);
  const torch::NoGradGuard no_grad;
  for (int i = 0; i < 4; ++i) {
    const StateBatch from_a = a.next({true, false}), from_b = b.next({true, false});
    CHECK(torch::equal(from_a.x_BCTHW, from_b.x_BCTHW));
    a.advance_guided(from_a, teacher, {});
    b.advance_guided(from_b, teacher, teacher(from_b.x_BCTHW, from_b.timestep_B, from_b.text_BSD));
  }
}

TEST_CASE("a run on online states needs no collection and no text encoder, and measures held-out errors",
          "[online_states]") {
  Fixture f;
  f.config.selective_transfer.init_spread = 0.2;
  f.config.selective_transfer.measured_states = 4;
  f.config.preview.steps = 2;
  f.trainer.preview_every = 10;
  auto unit = f.unit();
  f.teacher.text_encoder = nullptr;
  train::Trainer trainer(f.trainer, unit, f.folder / "run");
  CHECK(trainer.run() == train::TrainResult::kFinished);
  const std::string log = read_file(f.folder / "run/metrics.jsonl");
  for (const char* name : {"loss/warmup", "loss/mse", "held_out/velocity_mse"})
    CHECK_THAT(log, Catch::Contains(std::string("\"") + name + "\""));
  CHECK(std::filesystem::exists(f.folder / "run/previews/step_00000010"));
}

TEST_CASE("online settings that cannot work are refused by name", "[online_states]") {
  Fixture f;
  const auto refuses = [&](const std::function<void(LinearizeConfig&)>& change, const std::string& message) {
    const LinearizeConfig good = f.config;
    change(f.config);
    CHECK_THROWS_WITH(f.unit(), Catch::Contains(message));
    f.config = good;
  };
  refuses([](auto& c) { c.objective.online.start_trajectories = 5; }, "objective.online.prompts: expected at least 6");
  refuses([](auto& c) { c.objective.pool_size = 1; }, "objective.pool_size");
  refuses([](auto& c) { c.objective.online.prompts = "/no/such.txt"; }, "/no/such.txt");
  CHECK_THROWS_AS(config_from_json<OnlineConfig>(Json{{"start_trajectories", 0}}), ConfigError);
}
