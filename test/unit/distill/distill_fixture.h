#pragma once

#include <string>

#include "lintorch/core/files.h"
#include "lintorch/distill/distill_unit.h"
#include "lintorch/linvideo/collect.h"
#include "lintorch/linvideo/export.h"
#include "lintorch/train/trainer.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

namespace lintorch::test {

/// A micro model, prompts, and a distillation of two steps to run on them.
struct DistillFixture {
  DistillFixture() {
    write_micro_model(folder / "model");
    write_file_atomic(folder / "prompts.txt", "a red circle moves left\na blue square\na green star\n");
    config.model = path("model");
    config.prompts = path("prompts.txt");
    config.steps = {1000, 500};
    config.batch_size = 2;
    config.critic.updates = 2;
    config.critic.lr = 1e-3;
    trainer.steps = 12;
    trainer.lr = 1e-3;
    trainer.log_every = 3;
    trainer.save_every = 0;
    trainer.ema_decay = 0.9;
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }

  void collect(const std::string& model, const std::string& output) const {
    linvideo::CollectConfig collect_config;
    collect_config.model = path(model);
    collect_config.prompts = path("prompts.txt");
    collect_config.output = path(output);
    collect_config.storage_dtype = "fp32";
    collect_config.device = "cpu";
    linvideo::collect_trajectories(collect_config);
  }

  /// model with the last two of its four layers linear, untrained.
  void write_linear_start(const std::string& output) const {
    linvideo::export_untrained_swap({wan::AttentionKind::kSoftmax, wan::AttentionKind::kSoftmax,
                                     wan::AttentionKind::kLinear, wan::AttentionKind::kLinear},
                                    micro_dit_config().linear_attention, 1, folder / "model", folder / output,
                                    {.dtype = at::kFloat});
  }

  distill::DistillUnit unit() {
    teacher = pipeline::load_video_model(config.teacher_folder(), at::kFloat, at::kCPU);
    return distill::DistillUnit(teacher, config);
  }

  /// Trains in a run folder, from its newest checkpoint if it has one; returns the weights of both networks.
  TensorMap train(const std::string& run) {
    auto u = unit();
    go_on(u, run);
    TensorMap weights = weights_of(u.generator());
    for (const auto& [name, value] : weights_of(u.critic())) weights["critic." + name] = value;
    return weights;
  }

  void go_on(train::TrainUnit& unit, const std::string& run) const {
    train::Trainer loop(trainer, unit, folder / run);
    loop.resume();
    loop.run();
  }

  static TensorMap weights_of(const wan::WanDit& dit) {
    TensorMap weights;
    for (const auto& p : dit->named_parameters()) weights[p.key()] = p.value().detach().clone();
    return weights;
  }

  TempDir folder;
  pipeline::VideoModel teacher;
  distill::DistillConfig config;
  train::TrainerConfig trainer;
};

}  // namespace lintorch::test
