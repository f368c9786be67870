#include <catch2/catch.hpp>

#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

TEST_CASE("students with maps that have no weights train like others, but have nothing to warm up",
          "[maps_without_weights]") {
  LinearizeFixture f;
  f.config.selective_transfer.selection = SelectionKind::kFirst;
  f.trainer.steps = 60;
  f.trainer.lr = 2e-3;
  for (const auto map : {ops::FeatureMap::kRelu, ops::FeatureMap::kTaylor}) {
    const std::string name(enum_name(map));
    INFO(name);
    f.config.linear_attention.feature_map = map;
    auto untrained = f.unit();
    auto unit = f.unit();
    train::Trainer(f.trainer, unit, f.folder / name).run();
    CHECK(count_linear(unit.transfer().assignment()) == 2);
    CHECK(loss_at(unit, 1000) < 0.8 * loss_at(untrained, 1000));

    LinearizeConfig config = f.config;
    config.warmup.steps = 4;
    CHECK_THROWS_WITH(config.validate("linearize"), Catch::Contains("warmup.steps: expected 0 with a feature map"));
    config.warmup.steps = 0;
    config.trainable = TrainableKind::kMaps;
    CHECK_THROWS_WITH(config.validate("linearize"), Catch::Contains("trainable: expected all, attention or lora"));
  }
}
