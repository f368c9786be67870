#include "lintorch/linvideo/linearize_unit.h"

#include <torch/torch.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/linvideo/export.h"
#include "lintorch/linvideo/training_record.h"
#include "test/support/copy_checkpoint.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

using Fixture = LinearizeFixture;

bool equal(const TensorMap& a, const TensorMap& b) {
  for (const auto& [name, value] : a)
    if (!torch::equal(value, b.at(name))) return false;
  return a.size() == b.size();
}

}  // namespace

TEST_CASE("the objective starts near zero at the teacher and depends on the step alone", "[linearize_unit]") {
  Fixture f;
  f.config.selective_transfer.init = 1;
  f.config.selective_transfer.init_noise = 0;
  f.config.selective_transfer.lambda = 0;
  for (const auto kind : {ObjectiveKind::kMse, ObjectiveKind::kAdm}) {
    f.config.objective.kind = kind;
    auto unit = f.unit();
    CHECK(loss_at(unit, 3) < 1e-9);
  }
  f.config.selective_transfer.init = 0.5;
  auto a = f.unit(), b = f.unit();
  loss_at(a, 0);
  CHECK(loss_at(a, 3) == loss_at(b, 3));
  CHECK(loss_at(a, 3) != loss_at(a, 4));
  CHECK(loss_at(a, 3) > 0);
}

TEST_CASE("training goes through its phases and ends with exactly target linear layers", "[linearize_unit]") {
  Fixture f;
  f.config.warmup.steps = 4;
  auto unit = f.unit();
  CHECK(unit.group_steps("feature_maps", 0));
  CHECK_FALSE(unit.group_steps("backbone", 3));
  CHECK_FALSE(unit.group_steps("gates", 3));
  CHECK(unit.group_steps("gates", 4));
  train::Trainer trainer(f.trainer, unit, f.folder / "run");
  CHECK(trainer.run() == train::TrainResult::kFinished);
  CHECK(unit.transfer().frozen());
  CHECK(count_linear(unit.transfer().assignment()) == 2);
  CHECK(unit.progress_note() == "linear 2 (final)");
  CHECK_FALSE(unit.group_steps("gates", 19));
  const std::string log = read_file(f.folder / "run/metrics.jsonl");
  for (const char* name :
       {"gate/0", "gate/3", "num_linear", "loss/warmup", "loss/mse", "held_out/velocity_mse", "alpha"})
    CHECK_THAT(log, Catch::Contains(std::string("\"") + name + "\""));
}

TEST_CASE("a resumed run ends with the same bits, for every objective and phase", "[linearize_unit]") {
  Fixture f;
  f.config.warmup.steps = 3;
  f.config.objective.pool_size = 3;
  f.config.objective.online.prompts = (f.folder / "prompts.txt").string();
  f.config.objective.online.start_trajectories = 1;
  f.config.objective.score_network.lr = 1e-3;
  f.config.objective.score_network.updates = 2;
  struct Variant {
    ObjectiveKind kind;
    ScoreSource score;
    StateSource states;
  };
  using enum ScoreSource;
  using enum StateSource;
  for (const auto [kind, score, states] : std::initializer_list<Variant>{{ObjectiveKind::kMse, kSelf, kStored},
                                                                         {ObjectiveKind::kMse, kSelf, kOnPolicy},
                                                                         {ObjectiveKind::kAdm, kSelf, kStored},
                                                                         {ObjectiveKind::kAdm, kEma, kOnPolicy},
                                                                         {ObjectiveKind::kAdm, kNetwork, kStored},
                                                                         {ObjectiveKind::kDmd, kSelf, kOnPolicy},
                                                                         {ObjectiveKind::kMse, kSelf, kOnline},
                                                                         {ObjectiveKind::kAdm, kSelf, kOnline}}) {
    f.config.objective.kind = kind;
    f.config.objective.adm.score = score;
    f.config.objective.states = states;
    const std::string name = fmt::format("{}_{}_{}", enum_name(kind), enum_name(score), enum_name(states));
    f.trainer.save_every = 0;
    const TensorMap whole = f.train(name + "_whole");
    // Checkpoints in the warm-up, in the transfer and after the freeze (at step 3 + 0.8 * 17).
    f.trainer.save_every = 2;
    f.trainer.keep_last = 20;
    f.train(name + "_parts");
    for (const char* last : {"step_00000002", "step_00000010", "step_00000018"}) {
      test::copy_checkpoint(f.folder / (name + "_parts"), last, f.folder / (name + "_" + last));
      f.trainer.save_every = 0;
      INFO(name << " from " << last);
      CHECK(equal(f.train(name + "_" + last), whole));
    }
  }
}

TEST_CASE("gates start by rank of the measured errors, and resuming around that step changes nothing",
          "[linearize_unit]") {
  Fixture f;
  f.config.warmup.steps = 5;
  f.config.feature_map_lr = 0.02;
  f.config.selective_transfer.init = 0.6;
  f.config.selective_transfer.init_spread = 0.3;
  f.config.selective_transfer.measured_states = 6;
  f.trainer.save_every = 5;
  f.trainer.keep_last = 20;
  auto unit = f.unit();
  unit.before_step(4);
  const at::Tensor noisy = unit.transfer().gates().detach().clone();
  CHECK((noisy - 0.6).abs().max().item<float>() <= 0.0101f);  // init_noise, in fp32
  unit.before_step(5);
  const TrainingRecord record = record_from_tensors(unit.extra_state());
  REQUIRE(record.block_errors.size() == 4);
  std::vector<std::pair<double, int64_t>> order;
  for (int64_t layer = 0; layer < 4; ++layer) order.emplace_back(record.block_errors[layer], layer);
  std::sort(order.begin(), order.end());
  for (int64_t rank = 0; rank < 4; ++rank)
    CHECK(unit.transfer().gates()[order[rank].second].item<double>() == Approx(0.45 + 0.1 * rank));

  const TensorMap whole = f.train("whole");
  for (const char* last : {"step_00000005", "step_00000010"}) {
    test::copy_checkpoint(f.folder / "whole", last, f.folder / last);
    CHECK(equal(f.train(last), whole));
  }
}

TEST_CASE("a greedy choice is measured after the warm-up, recorded, and survives resuming", "[linearize_unit]") {
  Fixture f;
  f.config.warmup.steps = 5;
  f.config.feature_map_lr = 0.02;
  f.config.selective_transfer.selection = SelectionKind::kGreedy;
  f.config.selective_transfer.measured_states = 6;
  f.trainer.save_every = 4;
  f.trainer.keep_last = 20;
  const TensorMap whole = f.train("whole");
  const auto record_at = [&](const char* step) {
    return record_from_tensors(train::read_train_checkpoint(f.folder / "whole/checkpoints" / step).extra);
  };
  CHECK_FALSE(record_at("step_00000004").assignment);
  const TrainingRecord record = record_at("step_00000020");
  REQUIRE(record.block_errors.size() == 4);
  REQUIRE(record.assignment);
  std::vector<std::pair<double, int64_t>> order;
  for (int64_t layer = 0; layer < 4; ++layer) order.emplace_back(record.block_errors[layer], layer);
  std::sort(order.begin(), order.end());
  for (int64_t rank = 0; rank < 4; ++rank)
    CHECK(((*record.assignment)[order[rank].second] == wan::AttentionKind::kLinear) == (rank < 2));
  for (const char* last : {"step_00000004", "step_00000008"}) {
    test::copy_checkpoint(f.folder / "whole", last, f.folder / last);
    CHECK(equal(f.train(last), whole));
    CHECK(record_from_tensors(train::read_train_checkpoint(f.folder / last / "checkpoints/step_00000020").extra)
              .block_errors == record.block_errors);
  }

  ExportConfig config;
  config.checkpoint = (f.folder / "whole").string();
  config.output = (f.folder / "exported").string();
  export_linearized(config);
  const Json description = read_json_file(f.folder / "exported/linearization.json");
  CHECK(description["block_errors"].get<std::vector<double>>() == record.block_errors);
  config.checkpoint = (f.folder / "whole/checkpoints/step_00000004").string();
  CHECK_THROWS_WITH(export_linearized(config), Catch::Contains("before the layers were chosen"));
}

TEST_CASE("adapters train alone, resume bit for bit and are merged by the export", "[linearize_unit]") {
  Fixture f;
  f.config.trainable = TrainableKind::kLora;
  f.config.lora.rank = 2;
  f.config.objective.kind = ObjectiveKind::kAdm;
  f.config.objective.adm.score = ScoreSource::kEma;
  f.trainer.lr = 1e-2;
  f.trainer.ema_decay = 0;
  f.trainer.save_every = 0;
  const TensorMap whole = f.train("whole");
  const auto teacher = f.teacher.dit->named_parameters();
  for (const auto& p : teacher) CHECK(torch::equal(whole.at(p.key()), p.value()));
  CHECK(whole.at("blocks.2.attn1.to_v.lora.b").abs().max().item<double>() > 0);
  const auto checkpoint = train::read_train_checkpoint(*train::latest_checkpoint_folder(f.folder / "whole"));
  for (const auto& [name, value] : checkpoint.model)
    CHECK((name == "gates" || name.find(".lora.") != std::string::npos || name.find(".core.") != std::string::npos));
  CHECK(checkpoint.optimizer.size() == 2 * checkpoint.model.size() + 3);  // two moments each, and a count a group

  f.trainer.save_every = 9;
  f.trainer.keep_last = 5;
  f.train("parts");
  test::copy_checkpoint(f.folder / "parts", "step_00000009", f.folder / "resumed");
  CHECK(equal(f.train("resumed"), whole));

  ExportConfig config;
  config.checkpoint = (f.folder / "whole").string();
  config.output = (f.folder / "exported").string();
  config.dtype = "fp32";
  export_linearized(config);
  auto exported = wan::load_wan_dit(f.folder / "exported/transformer", at::kFloat, at::kCPU);
  auto unit = f.unit();
  train::Trainer loop(f.trainer, unit, f.folder / "resumed");
  REQUIRE(loop.resume());
  torch::manual_seed(2);
  const at::Tensor x = torch::randn({1, 4, 2, 4, 4}), t = torch::full({1}, 500.f), text = torch::randn({1, 5, 16});
  const torch::NoGradGuard no_grad;
  const at::Tensor expected = unit.student()->forward(x, t, text);
  // The same function by another order of fp32 sums: x W + (x A) B against x (W + A B).
  CHECK((exported->forward(x, t, text) - expected).norm().item<double>() < 1e-5 * expected.norm().item<double>());
}

TEST_CASE("the student's score comes from where the config says", "[linearize_unit]") {
  Fixture f;
  f.config.objective.kind = ObjectiveKind::kAdm;
  const auto result = [&](ScoreSource score) {
    f.config.objective.adm.score = score;
    const std::string name(enum_name(score));
    const TensorMap weights = f.train(name);
    const std::string log = read_file(f.folder / name / "metrics.jsonl");
    CHECK((log.find("\"loss/score_network\"") != std::string::npos) == (score == ScoreSource::kNetwork));
    return weights.at("proj_out.weight");
  };
  const at::Tensor self = result(ScoreSource::kSelf), ema = result(ScoreSource::kEma),
                   network = result(ScoreSource::kNetwork);
  CHECK_FALSE(torch::equal(self, ema));
  CHECK_FALSE(torch::equal(self, network));
  CHECK_FALSE(torch::equal(ema, network));
}

TEST_CASE("warm-up lowers the distillation loss and moves the feature maps only", "[linearize_unit]") {
  Fixture f;
  f.config.warmup.steps = 19;
  f.config.feature_map_lr = 0.02;
  f.config.objective.prompt_drop = 0;
  auto unit = f.unit();
  const double before = loss_at(unit, 0);
  f.trainer.steps = 19;
  train::Trainer(f.trainer, unit, f.folder / "run").run();
  CHECK(loss_at(unit, 0) < before);
  const auto teacher = f.teacher.dit->named_parameters();
  for (const auto& p : unit.student()->named_parameters())
    if (teacher.contains(p.key())) CHECK(torch::equal(p.value(), teacher[p.key()]));
}

TEST_CASE("training brings the student closer to the teacher than the untrained mixture", "[linearize_unit]") {
  Fixture f;
  f.config.selective_transfer.selection = SelectionKind::kFirst;
  f.trainer.steps = 60;
  f.trainer.lr = 2e-3;
  for (const auto kind : {ObjectiveKind::kMse, ObjectiveKind::kAdm}) {
    f.config.objective.kind = ObjectiveKind::kMse;
    auto before = f.unit();
    const double untrained = loss_at(before, 1000);
    f.config.objective.kind = kind;
    f.config.objective.mse_anchor = kind == ObjectiveKind::kAdm ? 0.5 : 0;
    auto unit = f.unit();
    train::Trainer(f.trainer, unit, f.folder / std::string(enum_name(kind))).run();
    f.config.objective.kind = ObjectiveKind::kMse;
    f.config.objective.mse_anchor = 0;
    auto measure = f.unit();
    torch::NoGradGuard no_grad;
    const auto trained = unit.student()->named_parameters();
    for (auto& p : measure.student()->named_parameters()) p.value().copy_(trained[p.key()]);
    CHECK(loss_at(measure, 1000) < 0.8 * untrained);
  }
}

TEST_CASE("only what is asked for trains; the rest shares the teacher's storage", "[linearize_unit]") {
  Fixture f;
  const auto groups = [&](TrainableKind kind) {
    f.config.trainable = kind;
    auto unit = f.unit();
    std::string names;
    for (const auto& group : unit.parameter_groups()) {
      names += group.name + " ";
      for (const auto& [name, parameter] : group.parameters)
        if (kind == TrainableKind::kAttention && group.name == "backbone") CHECK_THAT(name, Catch::Contains(".attn1."));
    }
    const bool shares = unit.student()->proj_out->weight.data_ptr() == f.teacher.dit->proj_out->weight.data_ptr();
    CHECK(shares == (kind != TrainableKind::kAll));
    return names;
  };
  CHECK(groups(TrainableKind::kAll) == "backbone feature_maps gates ");
  CHECK(groups(TrainableKind::kAttention) == "backbone feature_maps gates ");
  CHECK(groups(TrainableKind::kLora) == "backbone feature_maps gates ");
  CHECK(groups(TrainableKind::kMaps) == "feature_maps gates ");
}

TEST_CASE("previews are written and do not disturb training", "[linearize_unit]") {
  Fixture f;
  f.config.preview.steps = 2;
  auto unit = f.unit();
  std::filesystem::create_directories(f.folder / "previews");
  unit.preview(0, f.folder / "previews");
  CHECK_FALSE(std::filesystem::is_empty(f.folder / "previews"));
  train::MetricBag metrics;
  unit.before_step(0);
  CHECK_NOTHROW(unit.training_loss(0, 0, metrics).backward());
}

TEST_CASE("configs that do not fit the teacher or the trajectories are refused", "[linearize_unit]") {
  Fixture f;
  const LinearizeConfig good = f.config;
  const auto refuses = [&](const std::function<void(LinearizeConfig&)>& change, const std::string& message) {
    f.config = good;
    change(f.config);
    CHECK_THROWS_WITH(f.unit(), Catch::Contains(message));
  };
  refuses([](auto& c) { c.selective_transfer.target = 5; }, "target: expected at most 4");
  refuses([](auto& c) { c.validation.trajectories = 3; }, "validation.trajectories");
  refuses(
      [](auto& c) {
        c.trainable = TrainableKind::kLora;
        c.lora.modules = {"attn3.to_q"};
      },
      "lora.modules");
  refuses([](auto& c) { c.warmup.steps = 20; }, "warmup.steps");
  refuses(
      [](auto& c) {
        c.objective.states = StateSource::kOnPolicy;
        c.objective.pool_size = 1;
      },
      "pool_size");
  refuses([](auto& c) { c.trajectories = "/no/such/store"; }, "/no/such/store");
  f.collect("unguided", 1);
  refuses([&](auto& c) { c.trajectories = (f.folder / "unguided").string(); }, "objective.prompt_drop: expected 0");
  test::write_micro_model(f.folder / "model", /*seed=*/1);
  refuses([](auto&) {}, "another teacher");
}

TEST_CASE("activation checkpointing trains the same student", "[linearize_unit]") {
  Fixture f;
  f.config.warmup.steps = 3;
  const TensorMap plain = f.train("plain");
  f.config.activation_checkpointing = true;
  const TensorMap checkpointed = f.train("checkpointed");
  // Only the text's gradient is summed in another order; 20 steps of AdamW carry that rounding everywhere.
  for (const auto& [name, value] : plain) {
    INFO(name);
    CHECK(torch::allclose(checkpointed.at(name), value, 1e-3, 1e-5));
  }
}

TEST_CASE("frozen weights and the teacher are kept in bf16, what trains in fp32", "[linearize_unit]") {
  Fixture f;
  f.config.frozen_dtype = "bf16";
  f.trainer.steps = 6;
  using enum TrainableKind;
  for (const auto trainable : {kAll, kAttention, kMaps, kLora}) {
    f.config.trainable = trainable;
    f.teacher = pipeline::load_video_model(f.folder / "model", f.config.load_dtype(), at::kCPU);
    f.text_encoder = f.teacher.text_encoder;
    auto unit = f.unit();
    INFO(enum_name(trainable));
    CHECK(f.teacher.text_encoder.is_empty());
    const auto of_teacher = f.teacher.dit->named_parameters();
    CHECK(of_teacher["blocks.0.ffn.net.2.weight"].scalar_type() == at::kBFloat16);
    CHECK(of_teacher["proj_out.weight"].scalar_type() == at::kFloat);
    for (const auto& group : unit.parameter_groups())
      for (const auto& [name, parameter] : group.parameters) CHECK(parameter.scalar_type() == at::kFloat);
    for (const auto& p : unit.student()->named_parameters())
      if (!p.value().requires_grad()) CHECK(p.value().data_ptr() == of_teacher[p.key()].data_ptr());
    train::Trainer trainer(f.trainer, unit, f.folder / std::string(enum_name(trainable)));
    CHECK(trainer.run() == train::TrainResult::kFinished);
  }
}

TEST_CASE("the seconds of the parts of a step are logged", "[linearize_unit]") {
  Fixture f;
  f.config.objective.kind = ObjectiveKind::kAdm;
  f.trainer.steps = 5;
  f.train("run");
  const Json line = Json::parse(read_file(f.folder / "run/metrics.jsonl"));
  const auto seconds = [&](const char* part) { return line.at(std::string("seconds/") + part).get<double>(); };
  CHECK(seconds("teacher") > 0);
  CHECK(seconds("student_score") > 0);
  CHECK(seconds("teacher") + seconds("student_score") < seconds("forward"));
  CHECK(5 * (seconds("forward") + seconds("backward") + seconds("optimizer")) < line.at("seconds").get<double>());
}
