#include "lintorch/linvideo/state_reader.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include <filesystem>

#include "lintorch/core/rng.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

StateReader reader(const TrajectoryStore& store, int64_t depth, uint64_t seed = 7) {
  const auto draw = [&store](at::Generator& generator) { return draw_states(store.manifest(), 2, 2, 0.5, generator); };
  return StateReader(store, draw, depth, seed, at::kCPU);
}

struct Read {
  StateReader::Item item;
  at::Tensor next;  // what the generator gives afterwards
};

Read read(StateReader& reader, int64_t step, int64_t micro_step, uint64_t seed = 7) {
  auto generator = StateReader::generator_of(seed, step, micro_step);
  Read result{reader.read(step, micro_step, generator), {}};
  result.next = torch::rand({3}, generator);
  return result;
}

bool equal(const Read& a, const Read& b) {
  const StateBatch &x = a.item.batch, &y = b.item.batch;
  return torch::equal(x.x_BCTHW, y.x_BCTHW) && torch::equal(x.t_B, y.t_B) && torch::equal(x.next_t_B, y.next_t_B) &&
         torch::equal(x.timestep_B, y.timestep_B) && torch::equal(x.text_BSD, y.text_BSD) &&
         torch::equal(x.velocity_BCTHW, y.velocity_BCTHW) && torch::equal(a.next, b.next);
}

}  // namespace

TEST_CASE("reading ahead gives the states, and leaves the generator, of reading when needed", "[state_reader]") {
  const LinearizeFixture f;
  const TrajectoryStore store(f.config.trajectories);
  auto direct = reader(store, 0), ahead = reader(store, 3);
  for (int64_t step = 0; step < 6; ++step) CHECK(equal(read(direct, step, 0), read(ahead, step, 0)));
  // A resumed run, a roll-back, and the other states after it.
  for (const int64_t step : {40, 41, 2, 3}) CHECK(equal(read(direct, step, 0), read(ahead, step, 0)));
  const Read before = read(ahead, 4, 0);
  direct.reseed(8);
  ahead.reseed(8);
  CHECK(equal(read(direct, 4, 0, 8), read(ahead, 4, 0, 8)));
  CHECK_FALSE(equal(before, read(ahead, 4, 0, 8)));
}

TEST_CASE("each rank reads its own micro-batches, the same ones for any number of ranks", "[state_reader]") {
  const LinearizeFixture f;
  const TrajectoryStore store(f.config.trajectories);
  auto direct = reader(store, 0);
  for (int64_t rank = 0; rank < 2; ++rank) {
    auto ahead = reader(store, 2);
    ahead.set_share(4, rank, 2);
    for (int64_t step = 5; step < 8; ++step)
      for (int64_t micro = rank; micro < 4; micro += 2)
        CHECK(equal(read(direct, step, micro), read(ahead, step, micro)));
    CHECK(equal(read(direct, 9, 1 - rank), read(ahead, 9, 1 - rank)));  // of the other rank: read when needed
  }
}

TEST_CASE("what goes wrong in the reading thread is thrown to the one that trains", "[state_reader]") {
  const LinearizeFixture f;
  const TrajectoryStore store(f.config.trajectories);
  const auto draw = [](at::Generator&) { return std::vector<StateIndex>{{50, 0, false}}; };
  StateReader ahead(store, draw, 2, 7, at::kCPU);
  CHECK_THROWS_AS(read(ahead, 0, 0), std::logic_error);  // a trajectory that the store does not have
}

TEST_CASE("training is the same with and without reading ahead, and says how long it waited", "[state_reader]") {
  LinearizeFixture f;
  f.config.warmup.steps = 2;
  f.trainer.steps = 6;
  f.trainer.accumulate = 2;
  f.config.prefetch = 0;
  const TensorMap direct = f.train("direct");
  f.config.prefetch = 2;
  const TensorMap ahead = f.train("ahead");
  for (const auto& [name, value] : direct) CHECK(torch::equal(ahead.at(name), value));
  CHECK_THAT(read_file(f.folder / "ahead/metrics.jsonl"), Catch::Contains("\"data_wait_seconds\""));
}

TEST_CASE("a store of states alone trains the student that one with velocities trains", "[state_reader]") {
  LinearizeFixture f;
  f.collect("states", 3, StoreContent::kStates);
  f.config.warmup.steps = 2;
  f.config.selective_transfer.init_spread = 0.2;  // measured on the stored states
  f.config.selective_transfer.measured_states = 4;
  f.trainer.steps = 8;
  const TensorMap full = f.train("full");
  f.config.trajectories = (f.folder / "states").string();
  const TensorMap states = f.train("states_run");
  for (const auto& [name, value] : full) {
    INFO(name);
    // The teacher's velocities are computed again, both branches in other batches: fp32 rounding, carried through 8
    // steps of AdamW.
    CHECK(torch::allclose(states.at(name), value, 1e-3, 1e-4));
  }
  const std::string log = read_file(f.folder / "states_run/metrics.jsonl");
  CHECK_THAT(log, Catch::Contains("\"held_out/velocity_mse\""));
  // Without guidance the unconditional branch was never sampled, and can be matched all the same.
  f.collect("unguided_states", 1, StoreContent::kStates);
  f.config.trajectories = (f.folder / "unguided_states").string();
  f.config.objective.prompt_drop = 0.5;
  CHECK_NOTHROW(f.train("unguided"));
}
