#include "lintorch/linvideo/export.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/linvideo/fingerprint.h"
#include "lintorch/linvideo/selective_transfer.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/linvideo/training_record.h"
#include "lintorch/train/train_checkpoint.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

/// A teacher on disk and a student whose weights have moved.
struct Fixture {
  explicit Fixture(bool freeze = true) {
    test::write_micro_model(folder / "teacher");
    auto teacher = wan::load_wan_dit(folder / "teacher/transformer", at::kFloat, at::kCPU);
    student = copy_wan_dit(teacher);
    record.config.model = (folder / "teacher").string();
    record.config.linear_attention = teacher->config().linear_attention;
    record.config.selective_transfer.target = 2;
    record.config.selective_transfer.init_noise = 0.2;
    record.teacher = teacher_fingerprint(folder / "teacher");
    transfer = std::make_unique<SelectiveTransfer>(student, record.config.linear_attention,
                                                   record.config.selective_transfer, 4);
    torch::NoGradGuard no_grad;
    torch::manual_seed(9);
    for (auto& parameter : student->parameters()) parameter.add_(0.05 * torch::randn_like(parameter));
    if (freeze) {
      transfer->freeze();
      record.assignment = transfer->assignment();
    }
  }

  train::TrainCheckpoint checkpoint() {
    train::TrainCheckpoint checkpoint;
    checkpoint.step = 12;
    checkpoint.config = checkpoint.identity = Json::object();
    for (const auto& p : student->named_parameters()) checkpoint.model[p.key()] = p.value().detach().clone();
    checkpoint.model["gates"] = transfer->gates().detach().clone();
    checkpoint.extra = record_to_tensors(record);
    return checkpoint;
  }

  ExportConfig config() const {
    ExportConfig config;
    config.checkpoint = (folder / "run").string();
    config.output = (folder / "linearized").string();
    config.dtype = "fp32";
    return config;
  }

  at::Tensor velocity(wan::WanDit dit) {
    torch::NoGradGuard no_grad;
    torch::manual_seed(2);
    return dit->forward(torch::randn({1, 4, 2, 4, 4}), torch::full({1}, 500.f), torch::randn({1, 5, 16}));
  }

  test::TempDir folder;
  wan::WanDit student{nullptr};
  TrainingRecord record;
  std::unique_ptr<SelectiveTransfer> transfer;
};

}  // namespace

TEST_CASE("the exported model is ordinary and computes what the student computes", "[export]") {
  Fixture f;
  train::save_train_checkpoint(f.folder / "run", f.checkpoint(), 1);
  export_linearized(f.config());
  const auto model = pipeline::load_video_model(f.folder / "linearized", at::kFloat, at::kCPU);
  CHECK((model.dit->config().attention == f.transfer->assignment()));
  CHECK(torch::equal(f.velocity(model.dit), f.velocity(f.student)));

  // Unused branches and gates are gone.
  const io::SafetensorsFile file(f.folder / "linearized/transformer/diffusion_pytorch_model.safetensors");
  int64_t maps = 0;
  for (const auto& [name, info] : file.tensors()) {
    CHECK(name.find("gate") == std::string::npos);
    maps += name.find(".core.") != std::string::npos;
  }
  CHECK(maps == 2 * 2);
  CHECK(read_file(f.folder / "linearized/vae/config.json") == read_file(f.folder / "teacher/vae/config.json"));
  const Json description = read_json_file(f.folder / "linearized/linearization.json");
  CHECK(description["num_linear"] == 2);
  CHECK(description["step"] == 12);
  CHECK(description["gates"].size() == 4);
}

TEST_CASE("averaged weights are exported unless refused", "[export]") {
  Fixture f;
  auto checkpoint = f.checkpoint();
  const at::Tensor average = torch::randn_like(checkpoint.model.at("proj_out.weight"));
  checkpoint.ema["proj_out.weight"] = average;
  train::save_train_checkpoint(f.folder / "run", checkpoint, 1);
  auto config = f.config();
  export_linearized(config);
  CHECK(torch::equal(wan::load_wan_dit(f.folder / "linearized/transformer", at::kFloat, at::kCPU)->proj_out->weight,
                     average));
  config.ema = false;
  export_linearized(config);
  CHECK(torch::equal(wan::load_wan_dit(f.folder / "linearized/transformer", at::kFloat, at::kCPU)->proj_out->weight,
                     f.student->proj_out->weight));
}

TEST_CASE("the untrained swap has the same layers and the teacher's weights", "[export]") {
  Fixture f;
  train::save_train_checkpoint(f.folder / "run", f.checkpoint(), 1);
  auto config = f.config();
  config.untrained_swap = (f.folder / "swap").string();
  export_linearized(config);
  auto swap = wan::load_wan_dit(f.folder / "swap/transformer", at::kFloat, at::kCPU);
  auto teacher = wan::load_wan_dit(f.folder / "teacher/transformer", at::kFloat, at::kCPU);
  CHECK((swap->config().attention == f.transfer->assignment()));
  for (const auto& p : teacher->named_parameters()) CHECK(torch::equal(p.value(), swap->named_parameters()[p.key()]));
  CHECK_FALSE(torch::equal(f.velocity(swap), f.velocity(teacher)));
}

TEST_CASE("a run that ended before its freeze is exported by its smallest gates", "[export]") {
  Fixture f(/*freeze=*/false);
  train::save_train_checkpoint(f.folder / "run", f.checkpoint(), 1);
  export_linearized(f.config());
  const auto dit = wan::load_wan_dit(f.folder / "linearized/transformer", at::kFloat, at::kCPU);
  CHECK((dit->config().attention == assign_smallest(f.transfer->gates(), 2)));
}

TEST_CASE("checkpoints that do not fit are refused and leave no folder", "[export]") {
  Fixture f;
  auto config = f.config();
  CHECK_THROWS_AS(export_linearized(config), Error);  // no run yet
  auto checkpoint = f.checkpoint();
  checkpoint.model["blocks.9.attn1.to_q.weight"] = torch::zeros({1});
  train::save_train_checkpoint(f.folder / "run", checkpoint, 1);
  CHECK_THROWS_WITH(export_linearized(config), Catch::Contains("blocks.9.attn1.to_q.weight"));

  checkpoint = f.checkpoint();
  checkpoint.extra.clear();
  train::save_train_checkpoint(f.folder / "run", checkpoint, 1);
  CHECK_THROWS_WITH(export_linearized(config), Catch::Contains("expected one of a linearization run"));

  train::save_train_checkpoint(f.folder / "run", f.checkpoint(), 1);
  test::write_micro_model(f.folder / "other", /*seed=*/1);
  config.model = (f.folder / "other").string();
  CHECK_THROWS_WITH(export_linearized(config), Catch::Contains("another teacher"));
  CHECK_FALSE(std::filesystem::exists(f.folder / "linearized"));
}

TEST_CASE("a teacher in the layout of Wan's own repository is linearized into either layout", "[export]") {
  Fixture f;
  ExportConfig convert;
  convert.model = (f.folder / "teacher").string();
  convert.output = (f.folder / "wan").string();
  convert.layout = ModelLayout::kOriginal;
  export_linearized(convert);
  f.record.config.model = convert.output;
  f.record.teacher = teacher_fingerprint(f.folder / "wan");
  CHECK(f.record.teacher != teacher_fingerprint(f.folder / "teacher"));
  train::save_train_checkpoint(f.folder / "run", f.checkpoint(), 1);
  for (const auto layout : {ModelLayout::kOriginal, ModelLayout::kDiffusers}) {
    auto config = f.config();
    config.layout = layout;
    config.output = (f.folder / ("linearized_" + std::string(enum_name(layout)))).string();
    export_linearized(config);
    const auto model = pipeline::load_video_model(config.output, at::kFloat, at::kCPU);
    CHECK((model.dit->config().attention == f.transfer->assignment()));
    CHECK(torch::equal(f.velocity(model.dit), f.velocity(f.student)));
  }
  // Converting keeps what the folder says about itself.
  convert.model = (f.folder / "linearized_original").string();
  convert.output = (f.folder / "again").string();
  convert.layout = ModelLayout::kDiffusers;
  export_linearized(convert);
  CHECK(read_file(f.folder / "again/linearization.json") ==
        read_file(f.folder / "linearized_original/linearization.json"));
  const io::SafetensorsFile a(f.folder / "again/transformer/diffusion_pytorch_model.safetensors");
  CHECK(a.metadata().contains("linearized_by"));
}

TEST_CASE("without a checkpoint a model or a transformer file is written again", "[export]") {
  const test::TempDir folder;
  test::write_micro_model(folder / "model");
  ExportConfig config;
  CHECK_THROWS_WITH(export_linearized(config), Catch::Contains("expected a training checkpoint"));
  config.model = (folder / "model/transformer/diffusion_pytorch_model.safetensors").string();
  config.output = (folder / "transformer").string();
  config.dtype = "bf16";
  config.max_shard_bytes = 4000;
  export_linearized(config);
  CHECK(std::filesystem::exists(folder / "transformer/diffusion_pytorch_model.safetensors.index.json"));
  const auto before = wan::open_wan_dit(folder / "model/transformer"),
             after = wan::open_wan_dit(folder / "transformer");
  for (const auto& [name, tensor] : before.state) {
    const bool kept = wan::keeps_fp32(name);
    CHECK(after.state.at(name).scalar_type() == (kept ? at::kFloat : at::kBFloat16));
    CHECK(torch::equal(after.state.at(name), kept ? tensor : tensor.to(at::kBFloat16)));
  }
  ExportConfig original;
  original.model = (folder / "model/transformer").string();
  original.output = (folder / "original").string();
  original.layout = ModelLayout::kOriginal;
  export_linearized(original);
  const auto renamed = wan::open_wan_dit(folder / "original");
  for (const auto& [name, tensor] : before.state) CHECK(torch::equal(renamed.state.at(name), tensor));
  // With a part of Wan's repository beside it, it is a model that lacks the others.
  std::ofstream(folder / "original/Wan2.1_VAE.pth") << "x";
  original.model = (folder / "original").string();
  original.output = (folder / "again").string();
  CHECK_THROWS_WITH(export_linearized(original), Catch::Contains("has no models_t5_umt5-xxl-enc-bf16.pth"));
  config.untrained_swap = "swap";
  CHECK_THROWS_WITH(export_linearized(config), Catch::Contains("untrained_swap"));
  config.untrained_swap.reset();
  config.model = (folder / "nothing").string();
  CHECK_THROWS_AS(export_linearized(config), IoError);
}
