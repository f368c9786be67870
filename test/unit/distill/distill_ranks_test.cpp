// Distillation by two processes: each rank is this program again, with a hidden test.
#include <torch/torch.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>

#include "lintorch/core/logging.h"
#include "lintorch/dist/connect.h"
#include "test/support/ranks.h"
#include "test/unit/distill/distill_fixture.h"

using namespace lintorch;

namespace {

constexpr const char* kFolder = "LINTORCH_TEST_FOLDER";

void prepare(test::DistillFixture& f, const std::string& folder) {
  f.config.model = folder + "/model";
  f.config.prompts = folder + "/prompts.txt";
  f.trainer.steps = 6;
  f.trainer.accumulate = 2;
}

TEST_CASE("distillation of one rank", "[.rank_distills]") {
  at::set_num_threads(1);
  const auto launch = dist::read_launch(dist::process_environment).value();
  const auto group = dist::connect(launch, at::kCPU, std::chrono::seconds(60));
  const std::string folder = std::getenv(kFolder);
  int code = 0;
  try {
    test::DistillFixture f;
    prepare(f, folder);
    f.trainer.shard = train::ShardKind::kGradients;
    auto unit = f.unit();
    train::Trainer trainer(f.trainer, unit, folder + "/ranks", group.get());
    code = trainer.run() == train::TrainResult::kFinished ? 0 : 3;
    group->close();
  } catch (const std::exception& e) {
    log_error("{}", e.what());
    code = 1;
  }
  std::_Exit(code);
}

}  // namespace

TEST_CASE("two ranks distill the generator and the critic of one process", "[distill_ranks]") {
  test::DistillFixture f;
  prepare(f, f.folder.path().string());
  f.train("alone");
  std::filesystem::create_directories(f.folder / "ranks");
  const auto codes = test::wait_for_ranks(
      test::start_ranks(2, "[.rank_distills]", f.folder / "ranks", {{kFolder, f.folder.path().string()}}));
  INFO(test::rank_output(f.folder / "ranks", 0));
  REQUIRE(codes == std::vector<int>{0, 0});
  const auto end_of = [&](const char* run) {
    return train::read_train_checkpoint(*train::latest_checkpoint_folder(f.folder / run));
  };
  const auto alone = end_of("alone"), ranks = end_of("ranks");
  REQUIRE(alone.model.size() == ranks.model.size());
  // Sums of two gradients in another order; AdamW turns a gradient near zero into a step of up to the learning rate 1e-3,
  // whatever its size, in the few places where rounding decides its sign.
  for (const auto& [name, value] : alone.model) {
    INFO(name);
    CHECK((value - ranks.model.at(name)).abs().mean().item<double>() < 2e-5);
  }
  for (const auto& [name, value] : alone.ema) CHECK(ranks.ema.contains(name));
}
