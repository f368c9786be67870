#include "lintorch/plan/train_memory.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include <set>

#include "lintorch/core/error.h"
#include "lintorch/plan/activation_bytes.h"
#include "lintorch/plan/train_time.h"
#include "lintorch/train/optimizer.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::plan;

namespace {

RunShape shape_of(const wan::WanDitConfig& model, std::vector<int64_t> latent) {
  RunShape shape;
  shape.model = shape.student = model;
  shape.latent_shape = std::move(latent);
  return shape;
}

double part(const std::vector<MemoryPart>& parts, const std::string& name) {
  for (const auto& p : parts)
    if (p.name == name) return p.bytes;
  return 0;
}

RunShape wan_480p(const wan::WanDitConfig& model, int64_t ranks = 1) {
  RunShape shape = shape_of(model, {16, 21, 60, 104});
  shape.ranks = ranks;
  return shape;
}

}  // namespace

TEST_CASE("weights, gradients, optimizer and average are those that a real run allocates", "[train_memory]") {
  linvideo::LinearizeFixture f;
  const auto latent = std::vector<int64_t>{4, 2, 4, 4};
  using enum linvideo::TrainableKind;
  for (const auto trainable : {kAll, kAttention, kMaps, kLora})
    for (const std::string frozen : {"fp32", "bf16"}) {
      INFO(enum_name(trainable) << " " << frozen);
      f.config.trainable = trainable;
      f.config.frozen_dtype = frozen;
      f.config.lora.modules = {"attn1.to_q", "ffn.net.2"};
      f.config.lora.rank = 3;
      f.teacher = pipeline::load_video_model(f.folder / "model", f.config.load_dtype(), at::kCPU);
      f.text_encoder = f.teacher.text_encoder;
      auto unit = f.unit();

      std::set<const void*> teacher_memory;
      double teacher = 0, student = 0, trained = 0, averaged = 0;
      for (const auto& p : f.teacher.dit->parameters())
        if (teacher_memory.insert(p.storage().data()).second) teacher += static_cast<double>(p.nbytes());
      for (const auto& p : unit.student()->parameters())
        if (!teacher_memory.contains(p.storage().data())) student += static_cast<double>(p.nbytes());
      const auto groups = unit.parameter_groups();
      for (const auto& group : groups)
        for (const auto& [name, p] : group.parameters) {
          trained += static_cast<double>(p.nbytes());
          if (group.ema) averaged += static_cast<double>(p.nbytes());
        }
      student += static_cast<double>(unit.transfer().gates().nbytes());  // not a parameter of the module
      train::Optimizer optimizer(groups, f.trainer);
      double moments = 0;
      for (const auto& [name, tensor] : optimizer.state())
        if (name.starts_with("exp_avg")) moments += static_cast<double>(tensor.nbytes());

      TrainRunConfig config;
      config.train = f.trainer;
      config.linearize = f.config;
      const auto parts = train_memory(config, shape_of(test::micro_dit_config(), latent));
      CHECK(part(parts, "teacher") == teacher);
      CHECK(part(parts, "student") == student);
      CHECK(part(parts, "gradients") == trained);
      CHECK(part(parts, "optimizer") == moments);
      CHECK(part(parts, "average") == averaged);
      for (const auto& p : parts)
        if (p.name == "teacher" || p.name == "student" || p.name == "gradients" || p.name == "optimizer")
          CHECK(p.exact);
    }
}

TEST_CASE("a checkpoint's bytes are predicted", "[train_memory]") {
  linvideo::LinearizeFixture f;
  f.trainer.steps = 2;
  f.train("run");
  const auto checkpoint = train::read_latest_checkpoint(f.folder / "run");
  REQUIRE(checkpoint);
  TrainRunConfig config;
  config.train = f.trainer;
  config.linearize = f.config;
  const double predicted = checkpoint_file_bytes(config, shape_of(test::micro_dit_config(), {4, 2, 4, 4}));
  double extra = 0;  // the record of the config, and step counts of 4 bytes a parameter
  for (const auto& [name, tensor] : checkpoint->extra) extra += static_cast<double>(tensor.nbytes());
  for (const auto& [name, tensor] : checkpoint->optimizer)
    if (name.starts_with("step/")) extra += static_cast<double>(tensor.nbytes());
  CHECK(predicted + extra == static_cast<double>(train::checkpoint_bytes(*checkpoint)));
}

TEST_CASE("ZeRO shares out optimizer and gradients, checkpointing keeps block inputs", "[train_memory]") {
  TrainRunConfig config;
  config.train.precision = "bf16";
  config.linearize.linear_attention.feature_dim = 128;
  config.linearize.activation_checkpointing = true;
  config.train.accumulate = 8;
  const auto memory = [&](int64_t ranks) { return train_memory(config, wan_480p(wan::t2v_14b(), ranks)); };
  const auto one = memory(1);
  config.train.shard = train::ShardKind::kOptimizer;
  const auto zero1 = memory(8);
  config.train.shard = train::ShardKind::kGradients;
  const auto zero2 = memory(8);
  CHECK(part(zero1, "optimizer") == Approx(part(one, "optimizer") / 8));
  CHECK(part(zero2, "optimizer") == part(zero1, "optimizer"));
  // Ten buckets of 64 MB beside an eighth of the sums.
  CHECK(part(zero2, "gradients") == Approx((part(one, "gradients")) / 8 + 10 * 64e6));
  CHECK(part(zero1, "gradients") > part(zero2, "gradients") * 7);
  // One micro-batch a rank: block inputs go as the sums come.
  CHECK(part(zero2, "freed") == -part(zero2, "gradients"));
  CHECK(part(zero1, "freed") == -part(zero1, "activations"));
  // 32,760 tokens of width 5120 in fp32, 40 blocks.
  CHECK(part(one, "activations") == 4.0 * 32760 * 5120 * 40);
  config.linearize.activation_checkpointing = false;
  CHECK(part(memory(8), "activations") ==
        Approx(40 * block_activation_bytes(wan::t2v_14b(), 32760, 2, CoreKind::kMixed)));
}

TEST_CASE("adapters on a bf16 14B fit one 80 GB card, all of its weights do not", "[train_memory]") {
  TrainRunConfig config;
  config.train.precision = "bf16";
  config.linearize.linear_attention.feature_dim = 128;
  config.linearize.activation_checkpointing = true;
  config.linearize.frozen_dtype = "bf16";
  config.linearize.trainable = linvideo::TrainableKind::kLora;
  CHECK(total_bytes(train_memory(config, wan_480p(wan::t2v_14b()))) < 84.5e9);
  config.linearize.trainable = linvideo::TrainableKind::kAll;
  CHECK(total_bytes(train_memory(config, wan_480p(wan::t2v_14b()))) > 150e9);
}

TEST_CASE("lora modules that no block has are refused", "[train_memory]") {
  TrainRunConfig config;
  config.linearize.trainable = linvideo::TrainableKind::kLora;
  config.linearize.lora.modules = {"attn3.to_q"};
  CHECK_THROWS_WITH(train_memory(config, wan_480p(wan::t2v_1_3b())), Catch::Contains("lora.modules"));
  CHECK_THROWS_AS(train_memory(config, wan_480p(wan::t2v_1_3b())), ConfigError);
}

TEST_CASE("a step's operations grow with what the objective evaluates", "[train_memory]") {
  TrainRunConfig config;
  config.linearize.linear_attention.feature_dim = 128;
  RunShape shape = wan_480p(wan::t2v_1_3b());
  const double mse = step_flops(config, shape);
  config.linearize.activation_checkpointing = true;
  const double checkpointed = step_flops(config, shape);
  CHECK(checkpointed > mse * 1.2);
  CHECK(checkpointed < mse * 1.4);
  shape.stored_velocities = false;
  const double recomputed = step_flops(config, shape);
  CHECK(recomputed > checkpointed);
  config.linearize.objective.states = linvideo::StateSource::kOnline;
  // One more forward of the teacher, for the other branch.
  CHECK(step_flops(config, shape) - recomputed == Approx(recomputed - checkpointed));
  config.train.accumulate = 8;
  const double eight = step_flops(config, shape);
  shape.ranks = 8;
  CHECK(step_flops(config, shape) == Approx(eight / 8));
}
