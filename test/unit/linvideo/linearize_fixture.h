#pragma once

#include <torch/torch.h>

#include <string>

#include "lintorch/core/files.h"
#include "lintorch/linvideo/collect.h"
#include "lintorch/linvideo/linearize_unit.h"
#include "lintorch/train/trainer.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

namespace lintorch::linvideo {

/// A micro teacher, three trajectories of it, and configs of a run of 20 steps with 2 of 4 layers linear.
struct LinearizeFixture {
  explicit LinearizeFixture(const at::Device& device = at::kCPU) {
    test::write_micro_model(folder / "model");
    write_file_atomic(folder / "prompts.txt", "a red circle moves left\na blue square\na green star\n");
    collect("store", 3);
    teacher = pipeline::load_video_model(folder / "model", at::kFloat, device);
    text_encoder = teacher.text_encoder;
    config.model = (folder / "model").string();
    config.trajectories = (folder / "store").string();
    config.linear_attention = test::micro_dit_config().linear_attention;
    config.batch_size = 2;
    config.selective_transfer.target = 2;
    config.selective_transfer.lr = 0.05;
    config.validation.trajectories = 1;
    config.validation.states = 3;
    config.validation.every = 5;
    trainer.steps = 20;
    trainer.lr = 1e-3;
    trainer.log_every = 5;
    trainer.save_every = 7;
    trainer.ema_decay = 0.9;
  }
  void collect(const std::string& output, double guidance, StoreContent content = StoreContent::kStatesAndVelocities) {
    CollectConfig collect_config;
    collect_config.model = (folder / "model").string();
    collect_config.prompts = (folder / "prompts.txt").string();
    collect_config.output = (folder / output).string();
    collect_config.guidance = guidance;
    collect_config.storage_dtype = "fp32";
    collect_config.content = content;
    collect_config.device = "cpu";
    collect_trajectories(collect_config);
  }
  /// Each unit releases the teacher's text encoder.
  LinearizeUnit unit() {
    teacher.text_encoder = text_encoder;
    return LinearizeUnit(teacher, config, trainer.steps);
  }

  /// Trains in a run folder, from its newest checkpoint if it has one; returns the weights.
  TensorMap train(const std::string& run) {
    auto u = unit();
    train::Trainer loop(trainer, u, folder / run);
    loop.resume();
    loop.run();
    TensorMap weights{{"gates", u.transfer().gates().detach().clone()}};
    for (const auto& p : u.student()->named_parameters()) weights[p.key()] = p.value().detach().clone();
    return weights;
  }

  test::TempDir folder;
  pipeline::VideoModel teacher;
  umt5::Umt5Encoder text_encoder{nullptr};
  LinearizeConfig config;
  train::TrainerConfig trainer;
};

/// The loss that a unit has at the first micro-batch of a step.
inline double loss_at(LinearizeUnit& unit, int64_t step) {
  train::MetricBag metrics;
  unit.before_step(step);
  return unit.training_loss(step, 0, metrics).item<double>();
}

}  // namespace lintorch::linvideo
