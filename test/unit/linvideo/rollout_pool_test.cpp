#include "lintorch/linvideo/rollout_pool.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

struct Fixture {
  Fixture() {
    TrajectoryManifest m;
    m.format_version = TrajectoryManifest::kFormatVersion;
    m.sampler = "euler";
    m.steps = 2;
    m.shift = 1;
    m.guidance = 1;
    m.latent_shape = {1, 1, 2, 2};
    m.storage_dtype = m.compute_dtype = "fp32";
    m.sigmas = {1, 0.75, 0};
    m.timesteps = {1000, 750};
    m.trajectories = m.trajectories_per_shard = 2;
    m.batch_size = 1;
    m.prompts = {"a", "b"};
    TrajectoryWriter writer(folder / "store", m, torch::full({1, 1}, -1.0));
    const auto trajectory = [](double value) {
      const at::Tensor x = torch::tensor({0.0, 1.0, 2.0}).reshape({3, 1, 1, 1, 1}).expand({3, 1, 1, 2, 2}) + value;
      return Trajectory{x.contiguous(), torch::zeros({2, 1, 1, 2, 2}), {}, torch::full({1, 1}, value)};
    };
    writer.write_shard(0, {trajectory(10), trajectory(20)});
    store = std::make_unique<TrajectoryStore>(folder / "store");
  }
  RolloutPool pool(int64_t size) const { return RolloutPool(*store, 2, size, 5, at::kCPU); }
  test::TempDir folder;
  std::unique_ptr<TrajectoryStore> store;
};

double value_of(const at::Tensor& tensor) { return tensor.reshape(-1)[0].item<double>(); }

}  // namespace

TEST_CASE("members start spread over the grid, move by Euler steps, and restart with fresh noise", "[rollout_pool]") {
  const Fixture f;
  RolloutPool pool = f.pool(2);
  StateBatch batch = pool.next({false});  // member 0: trajectory 0, step 0
  CHECK(value_of(batch.x_BCTHW) == 10);
  CHECK(value_of(batch.t_B) == 1);
  CHECK(value_of(batch.next_t_B) == 0.75);
  CHECK(value_of(batch.timestep_B) == 1000);
  CHECK(value_of(batch.text_BSD) == 10);
  pool.advance(torch::full_like(batch.x_BCTHW, 4));

  batch = pool.next({true});  // member 1: trajectory 1, step 1, prompt dropped
  CHECK(value_of(batch.x_BCTHW) == 21);
  CHECK(value_of(batch.t_B) == 0.75);
  CHECK(value_of(batch.text_BSD) == -1);
  CHECK(value_of(pool.conditional_text_BSD()) == 20);
  pool.advance(torch::zeros_like(batch.x_BCTHW));  // finished

  batch = pool.next({false, false});
  CHECK(value_of(batch.x_BCTHW) == 10 - 0.25 * 4);
  CHECK(value_of(batch.t_B[1]) == 1);
  CHECK(batch.x_BCTHW[1].abs().max().item<double>() < 6);  // noise, not a state of the store
  CHECK(batch.x_BCTHW[1].std().item<double>() > 0);
}

TEST_CASE("after a roll-back other members come next and restart with other noise", "[rollout_pool]") {
  const Fixture f;
  RolloutPool first = f.pool(2), again = f.pool(2);
  const auto start = first.state();
  again.load_state(start);
  again.set_rollbacks(1);
  CHECK(value_of(first.next({false}).x_BCTHW) == 10);
  const StateBatch other = again.next({false});  // member 1, at its last step
  CHECK(value_of(other.x_BCTHW) == 21);
  again.advance(other.x_BCTHW);
  first.advance(first.next({false}).x_BCTHW);
  const at::Tensor noise = first.state().at("x")[1], other_noise = again.state().at("x")[1];
  CHECK_FALSE(torch::equal(noise, other_noise));
  // A continuation of the second draws what the second draws.
  RolloutPool resumed = f.pool(2);
  resumed.load_state(start);
  resumed.set_rollbacks(1);
  resumed.advance(resumed.next({false}).x_BCTHW);
  CHECK(torch::equal(resumed.state().at("x"), again.state().at("x")));
}

TEST_CASE("a pool continues from its saved state", "[rollout_pool]") {
  const Fixture f;
  RolloutPool pool = f.pool(4);
  for (int i = 0; i < 5; ++i) pool.advance(pool.next({false, true, false}).x_BCTHW);
  RolloutPool copy = f.pool(4);
  copy.load_state(pool.state());
  for (int i = 0; i < 5; ++i) {
    const StateBatch a = pool.next({false, false}), b = copy.next({false, false});
    CHECK(torch::equal(a.x_BCTHW, b.x_BCTHW));
    CHECK(torch::equal(a.text_BSD, b.text_BSD));
    pool.advance(a.x_BCTHW);
    copy.advance(b.x_BCTHW);
  }
  RolloutPool smaller = f.pool(3);
  CHECK_THROWS_AS(smaller.load_state(pool.state()), ConfigError);
}
