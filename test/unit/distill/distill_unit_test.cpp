#include "lintorch/distill/distill_unit.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>
#include <functional>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "test/support/copy_checkpoint.h"
#include "test/unit/distill/distill_fixture.h"

using namespace lintorch;
using namespace lintorch::distill;
using linvideo::TrainableKind;

namespace {

bool equal(const TensorMap& a, const TensorMap& b) {
  for (const auto& [name, value] : a)
    if (!torch::equal(value, b.at(name))) return false;
  return a.size() == b.size();
}

std::map<std::string, double> loss_at(DistillUnit& unit, int64_t step, bool backward = false) {
  train::MetricBag metrics;
  unit.before_step(step);
  const at::Tensor loss = unit.training_loss(step, 0, metrics);
  metrics.add("loss", loss.detach());
  if (backward) loss.backward();
  return metrics.flush();
}

/// Names of the groups whose parameters have a gradient that is not zero.
std::string groups_with_gradients(DistillUnit& unit) {
  std::string names;
  for (const auto& group : unit.parameter_groups()) {
    bool any = false;
    for (const auto& [name, parameter] : group.parameters)
      any = any || (parameter.grad().defined() && parameter.grad().abs().sum().item<double>() > 0);
    if (any) names += group.name + " ";
  }
  return names;
}

}  // namespace

TEST_CASE("critic and generator take turns, and gradients reach nobody else", "[distill_unit]") {
  test::DistillFixture f;
  f.collect("model", "store");
  for (const double gan : {0.0, 0.1}) {
    f.config.gan.weight = gan;
    f.config.gan.trajectories = f.path("store");
    auto unit = f.unit();
    CHECK(unit.times() == diffusion::warp_steps({1000, 500}, 3));  // the shift of the model's scheduler
    for (int64_t step = 0; step < 6; ++step) {
      CHECK(unit.group_steps("generator", step) == (step % 3 == 2));
      CHECK(unit.group_steps("critic", step) == (step % 3 != 2));
      CHECK(unit.group_steps("discriminator", step) == (step % 3 != 2));
    }
    // The head's last layer starts at zero and would stop gradients on their way to the critic's features.
    if (gan > 0)
      for (const auto& group : unit.parameter_groups())
        for (const auto& [name, parameter] : group.parameters)
          if (name.ends_with("logit.weight")) at::Tensor(parameter.detach()).fill_(0.1);
    loss_at(unit, 1, true);
    CHECK(groups_with_gradients(unit) == (gan > 0 ? "critic discriminator " : "critic "));
    for (const auto& group : unit.parameter_groups())
      for (const auto& [name, parameter] : group.parameters) parameter.mutable_grad().reset();
    loss_at(unit, 2, true);
    CHECK(groups_with_gradients(unit) == "generator ");
    for (const auto& parameter : f.teacher.dit->parameters()) CHECK_FALSE(parameter.grad().defined());
  }
}

TEST_CASE("the losses are those of their definitions where these are known", "[distill_unit]") {
  test::DistillFixture f;
  f.config.guidance = 1;
  auto unguided = f.unit();
  // The critic is still the teacher: both scores are the same.
  CHECK(loss_at(unguided, 2).at("loss/dmd") == 0);
  CHECK_FALSE(f.teacher.text_encoder);
  f.config.guidance = 3;
  auto guided = f.unit();
  const auto metrics = loss_at(guided, 2);
  CHECK(metrics.at("loss/dmd") > 0);
  CHECK(metrics.at("generator/dmd_gradient_rms") == Approx(std::sqrt(2 * metrics.at("loss/dmd"))));
  CHECK(metrics.at("generator/output_std") > 0);
  CHECK(metrics.at("generator/pair_distance") > 0);
  CHECK(metrics.at("loss") == metrics.at("loss/dmd"));
  // Steps are functions of their number alone.
  auto other = f.unit();
  CHECK(loss_at(other, 4) == loss_at(guided, 4));
  CHECK(loss_at(other, 4).at("loss/critic") != loss_at(other, 3).at("loss/critic"));
  // After a roll-back they draw other data.
  other.reseed(1);
  CHECK(loss_at(other, 4) != loss_at(guided, 4));
}

TEST_CASE("the critic learns the generator's score", "[distill_unit]") {
  test::DistillFixture f;
  f.trainer.steps = 500;
  f.config.critic.updates = 1000;  // the generator stays where it is
  f.config.critic.lr = 3e-3;
  auto unit = f.unit();
  // Steps that are not trained on: other prompts, noise and times.
  const auto held_out = [&] { return loss_at(unit, 500).at("loss/critic") + loss_at(unit, 501).at("loss/critic"); };
  const double before = held_out();
  train::Trainer(f.trainer, unit, f.folder / "run").run();
  CHECK(held_out() < 0.8 * before);
}

TEST_CASE("a resumed distillation ends with the same bits", "[distill_unit]") {
  test::DistillFixture f;
  f.collect("model", "store");
  f.write_linear_start("linear");
  struct Variant {
    std::string name;
    std::function<void(DistillConfig&)> change;
  };
  const DistillConfig plain = f.config;
  for (const auto& [name, change] :
       std::initializer_list<Variant>{{"full", [](auto&) {}},
                                      {"linear", [&](auto& c) { c.teacher = c.model, c.model = f.path("linear"); }},
                                      {"lora",
                                       [](auto& c) {
                                         c.trainable = c.critic.trainable = TrainableKind::kLora;
                                         c.sampler = diffusion::SamplerKind::kEuler;
                                       }},
                                      {"gan", [&](auto& c) {
                                         c.gan.weight = 0.1;
                                         c.gan.trajectories = f.path("store");
                                         c.critic.start = CriticStart::kGenerator;
                                         c.activation_checkpointing = true;
                                       }}}) {
    f.config = plain;
    change(f.config);
    f.trainer.save_every = 0;
    const TensorMap whole = f.train(name + "_whole");
    // Within a cycle (after a critic step) and between two.
    f.trainer.save_every = 1;
    f.trainer.keep_last = 20;
    f.train(name + "_parts");
    for (const char* last : {"step_00000004", "step_00000006"}) {
      test::copy_checkpoint(f.folder / (name + "_parts"), last, f.folder / (name + "_" + last));
      f.trainer.save_every = 0;
      INFO(name << " from " << last);
      CHECK(equal(f.train(name + "_" + last), whole));
    }
  }
  f.config = plain;
  f.config.critic.updates = 1;
  f.trainer.save_every = 0;
  CHECK_THROWS_WITH(f.train("full_parts"), Catch::Contains("distill.critic.updates is 1 (was 2)"));
}

TEST_CASE("activation checkpointing trains the same generator", "[distill_unit]") {
  test::DistillFixture f;
  const TensorMap plain = f.train("plain");
  f.config.activation_checkpointing = true;
  const TensorMap checkpointed = f.train("checkpointed");
  // Only the text's gradient is summed in another order; the steps of AdamW carry that rounding everywhere.
  for (const auto& [name, value] : plain) {
    INFO(name);
    CHECK(torch::allclose(checkpointed.at(name), value, 1e-3, 1e-5));
  }
}

TEST_CASE("previews are written by the few-step sampler and do not disturb training", "[distill_unit]") {
  test::DistillFixture f;
  f.config.preview.prompts = {"a red circle", "a blue square moves right"};
  auto unit = f.unit();
  std::filesystem::create_directories(f.folder / "previews");
  unit.preview(0, f.folder / "previews");
  int files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(f.folder / "previews")) ++files;
  CHECK(files == 2);
  CHECK_NOTHROW(loss_at(unit, 2, true));
}

TEST_CASE("configs that do not fit are refused by name", "[distill_unit]") {
  test::DistillFixture f;
  const DistillConfig good = f.config;
  const auto refuses = [&](const std::function<void(DistillConfig&)>& change, const std::string& message) {
    f.config = good;
    change(f.config);
    CHECK_THROWS_WITH(f.unit(), Catch::Contains(message));
  };
  refuses([](auto& c) { c.steps = {500, 750}; }, "distill.steps: expected falling numbers in (0,1000], got 750");
  refuses([](auto& c) { c.steps = {}; }, "distill.steps: expected at least one step");
  refuses([](auto& c) { c.sampler = diffusion::SamplerKind::kUniPc; }, "distill.sampler: expected renoise or euler");
  refuses([](auto& c) { c.trainable = TrainableKind::kMaps; }, "distill.trainable");
  refuses([](auto& c) { c.prompts = "/no/such/prompts"; }, "/no/such/prompts");
  refuses([&](auto& c) { c.model = "/no/such/model", c.teacher = good.model; }, "/no/such/model");
  refuses([](auto& c) { c.size = "17x16"; }, "width must be a multiple");
  f.collect("model", "store");
  refuses([&](auto& c) { c.gan.weight = 1, c.gan.trajectories = f.path("store"), c.frames = 9; }, "gan.trajectories: ");
  refuses([&](auto& c) { c.gan.weight = 1, c.gan.trajectories = f.path("store"), c.gan.layers = {7}; }, "gan.layers");
  test::write_micro_model(f.folder / "other", /*seed=*/1);
  refuses([&](auto& c) { c.gan.weight = 1, c.gan.trajectories = f.path("store"), c.model = f.path("other"); },
          "another teacher");
  // The sections check themselves when they are read.
  const auto reads = [](const char* text) { return config_from_json<DistillConfig>(Json::parse(text), "distill"); };
  CHECK_THROWS_WITH(reads(R"({"gan": {"weight": 1}})"), Catch::Contains("distill.gan.trajectories: expected a folder"));
  CHECK_THROWS_WITH(reads(R"({"critic": {"updates": 0}})"),
                    Catch::Contains("distill.critic.updates: expected 1 or more"));
  CHECK_THROWS_WITH(reads(R"({"critics": 0})"), Catch::Contains("did you mean \"critic\""));
}
