#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/linvideo/export.h"
#include "lintorch/linvideo/training_record.h"
#include "test/support/tensor_near.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

/// A run with rotation after the map: warm-up, greedy choice, training.
struct Fixture : LinearizeFixture {
  Fixture() {
    config.linear_attention.rope = layers::RopeOrder::kAfter;
    config.selective_transfer.selection = SelectionKind::kGreedy;
    config.selective_transfer.measured_states = 4;
    config.warmup.steps = 4;
    config.feature_map_lr = 0.02;
    trainer.ema_decay = 0;
  }
};

}  // namespace

TEST_CASE("rotation after the map goes through warm-up, greedy choice, training and export", "[rope_order]") {
  Fixture f;
  f.train("run");
  ExportConfig config;
  config.checkpoint = (f.folder / "run").string();
  config.output = (f.folder / "linearized").string();
  config.untrained_swap = (f.folder / "swap").string();
  config.dtype = "fp32";
  export_linearized(config);

  for (const char* folder : {"linearized", "swap"}) {
    const Json json = read_json_file(f.folder / folder / "transformer/config.json");
    CHECK(json["linear_attention"]["rope"] == "after");
  }
  auto unit = f.unit();
  train::Trainer loop(f.trainer, unit, f.folder / "run");
  loop.resume();
  auto exported = wan::load_wan_dit(f.folder / "linearized/transformer", at::kFloat, at::kCPU);
  const at::NoGradGuard no_grad;
  torch::manual_seed(2);
  const at::Tensor latent = torch::randn({1, 4, 2, 4, 4}), text = torch::randn({1, 5, 16});
  const auto velocity = [&](wan::WanDit dit) { return dit->forward(latent, torch::full({1}, 500.f), text); };
  CHECK(unit.transfer().frozen());
  CHECK(torch::equal(velocity(exported), velocity(unit.student())));
  // The order is in the config, not in the weights: another function of the same ones.
  auto other_config = exported->config();
  other_config.linear_attention.rope = layers::RopeOrder::kBefore;
  wan::WanDit other(other_config);
  layers::load_module_state(*other, layers::module_state(*exported), "test");
  CHECK(test::relative_error(velocity(other), velocity(exported)) > 1e-3);
}

TEST_CASE("with rotation after the map checkpointing of activations does not change training", "[rope_order]") {
  Fixture f;
  f.trainer.steps = 8;
  f.config.selective_transfer.selection = SelectionKind::kLearned;
  const TensorMap plain = f.train("plain");
  f.config.activation_checkpointing = true;
  const TensorMap again = f.train("checkpointed");
  // Gradients of inputs used several times are summed in another order, which Adam's first steps amplify.
  for (const auto& [name, value] : plain) {
    INFO(name);
    CHECK(test::relative_error(again.at(name), value) < 1e-3);
  }
}

TEST_CASE("with rotation after the map the warm-up fits the maps to softmax attention", "[rope_order]") {
  Fixture f;
  auto unit = f.unit();
  unit.before_step(0);
  std::vector<at::Tensor> maps;
  for (const auto& p : unit.student()->named_parameters())
    if (p.key().find(".core.w_") != std::string::npos) maps.push_back(p.value());
  REQUIRE(maps.size() == 8);
  torch::optim::Adam adam(maps, torch::optim::AdamOptions(0.05));
  double first = 0, last = 0;
  for (int i = 0; i < 30; ++i) {
    train::MetricBag metrics;
    adam.zero_grad();
    const at::Tensor loss = unit.training_loss(0, 0, metrics);  // of the same states every time
    loss.backward();
    adam.step();
    (i == 0 ? first : last) = loss.item<double>();
  }
  CHECK(last < 0.9 * first);
}

TEST_CASE("training refuses a map that rotation after it does not fit", "[rope_order]") {
  Fixture f;
  f.config.linear_attention.feature_map = ops::FeatureMap::kTaylor;
  CHECK_THROWS_AS(f.unit(), ConfigError);
  CHECK_THROWS_WITH(f.unit(), Catch::Contains("linear_attention.rope") && Catch::Contains("73 features of taylor"));
}
