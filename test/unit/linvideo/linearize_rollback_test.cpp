// What LinearizeUnit does when a run goes back in time, and the alarm of its gates.
#include <catch2/catch.hpp>

#include "lintorch/train/rollback.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

TEST_CASE("after a roll-back other states are drawn", "[linearize_rollback]") {
  LinearizeFixture f;
  f.config.selective_transfer.init = 0.5;
  auto a = f.unit(), b = f.unit();
  const double first = loss_at(a, 3);
  CHECK(first == loss_at(b, 3));
  a.reseed(1);
  CHECK(loss_at(a, 3) != first);
  b.reseed(1);
  CHECK(loss_at(b, 3) == loss_at(a, 3));
  a.reseed(0);
  CHECK(loss_at(a, 3) == first);
}

TEST_CASE("a state from before the freeze makes the gates move again", "[linearize_rollback]") {
  LinearizeFixture f;
  auto unit = f.unit();
  unit.before_step(2);
  const auto early = unit.extra_state();
  const auto gates = unit.transfer().gates().detach().clone();
  unit.before_step(19);
  REQUIRE(unit.transfer().frozen());
  CHECK(unit.phase(19) == "final");
  {
    const torch::NoGradGuard no_grad;
    at::Tensor(unit.transfer().gates()).copy_(gates);
  }
  unit.load_extra_state(early);
  CHECK_FALSE(unit.transfer().frozen());
  CHECK(unit.phase(2) == "transfer");
  CHECK(unit.transfer().gates().equal(gates));
  CHECK(unit.group_steps("gates", 2));
  auto fresh = f.unit();
  CHECK(loss_at(unit, 2) == loss_at(fresh, 2));
}

TEST_CASE("gates far from the target shortly before the freeze are an alarm that does not end the run",
          "[linearize_rollback]") {
  LinearizeFixture f;
  f.config.selective_transfer.target = 3;
  f.config.selective_transfer.lr = 1e-6;  // no gate gets anywhere
  f.trainer.log_every = 1;
  const auto run = [&](const std::string& name) {
    auto unit = f.unit();
    CHECK(train::Trainer(f.trainer, unit, f.folder / name).run() == train::TrainResult::kFinished);
    CHECK(count_linear(unit.transfer().assignment()) == 3);
    return train::read_rollbacks(f.folder / name);
  };
  f.trainer.max_rollbacks = 1;
  CHECK(run("off").empty());
  f.config.selective_transfer.gate_margin = 3;
  CHECK(run("wide").empty());
  f.config.selective_transfer.gate_margin = 2;
  const auto rollbacks = run("narrow");
  REQUIRE(rollbacks.size() == 1);
  // 16 steps of transfer: the last tenth begins at step 15; the newest checkpoint is that of step 14.
  CHECK(rollbacks[0].step == 15);
  CHECK(rollbacks[0].to == 14);
  CHECK(rollbacks[0].reason == "0 layers are linear, 3 wanted, 1 steps before the choice is final");
}
