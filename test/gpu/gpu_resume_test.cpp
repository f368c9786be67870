#include <catch2/catch.hpp>

#include "test/support/copy_checkpoint.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;

namespace {

/// Whether the deterministic algorithms of the process are as they were, when the test is over.
class DeterminismGuard {
 public:
  DeterminismGuard() : was_(at::globalContext().deterministicAlgorithms()) {}
  ~DeterminismGuard() { at::globalContext().setDeterministicAlgorithms(was_, false); }

 private:
  bool was_;
};

}  // namespace

TEST_CASE("on a GPU a resumed run ends with the same bits", "[gpu_resume]") {
  const DeterminismGuard guard;
  linvideo::LinearizeFixture f(at::kCUDA);
  f.config.objective.feature_weight = 1;
  f.trainer.precision = "bf16";
  f.trainer.deterministic = true;
  f.trainer.steps = 12;
  for (const auto kind : {linvideo::ObjectiveKind::kMse, linvideo::ObjectiveKind::kAdm}) {
    f.config.objective.kind = kind;
    const std::string name(enum_name(kind));
    f.trainer.save_every = 0;
    const TensorMap whole = f.train(name + "_whole");
    f.trainer.save_every = 7;  // gates, average, moments and data position come from the checkpoint
    f.train(name + "_parts");
    test::copy_checkpoint(f.folder / (name + "_parts"), "step_00000007", f.folder / (name + "_resumed"));
    const TensorMap resumed = f.train(name + "_resumed");
    REQUIRE(resumed.size() == whole.size());
    for (const auto& [key, value] : whole) {
      INFO(name << ' ' << key);
      CHECK(torch::equal(resumed.at(key), value));
    }
  }
}
