#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lintorch/core/enum_names.h"
#include "lintorch/diffusion/sampler.h"
#include "lintorch/linvideo/config.h"

namespace lintorch::distill {

/// What the generator is trained by: distribution matching, or the ends of the teacher's trajectories (regression_unit.h).
enum class DistillObjective { kDmd, kRegression };

/// Which network the critic starts as.
enum class CriticStart { kTeacher, kGenerator };

/// The critic: the network that learns the score of the generator's samples (the fake score).
struct CriticConfig {
  CriticStart start = CriticStart::kTeacher;
  linvideo::TrainableKind trainable = linvideo::TrainableKind::kAll;
  linvideo::LoraConfig lora;
  double lr = 1e-5;
  double weight_decay = 0.0;
  int64_t updates = 5;

  template <class V>
  void visit(V& v) {
    v("start", start, "the network it starts as: the teacher, or the generator with its linear layers");
    v("trainable", trainable,
      "its weights that train: all, attention (attn1 only) or lora (adapters; from the teacher the rest is shared "
      "memory)");
    v("lora", lora);
    v("lr", lr, "its learning rate; follows the schedule of the trainer");
    v("weight_decay", weight_decay, "its weight decay");
    v("updates", updates, "its updates before each update of the generator (two-time-scale rule)");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

/// A discriminator on the critic's features, with the teacher's finished samples as the real ones.
struct GanConfig {
  double weight = 0.0;
  double critic_weight = 1.0;
  std::string trajectories;
  std::vector<int64_t> layers;

  template <class V>
  void visit(V& v) {
    v("weight", weight, "weight of the adversarial loss of the generator; 0 = no discriminator");
    v("critic_weight", critic_weight, "weight of the adversarial loss of the critic");
    v("trajectories", trajectories,
      "folder written by lintorch-collect with the teacher: its finished latents are real");
    v("layers", layers, "blocks of the critic whose output the heads see, counted from 0; empty = the middle and last");
  }
  void validate(const std::string& path) const;
};

/// Videos of the current generator, written during training.
struct FewStepPreviewConfig {
  std::vector<std::string> prompts;
  int64_t seed = 1;

  template <class V>
  void visit(V& v) {
    v("prompts", prompts, "prompts of the preview videos; empty = the first of `prompts`");
    v("seed", seed, "seed of the start noise, the same at every preview");
  }
};

/// Distribution-matching distillation to a few steps (the `distill` section of `lintorch-train`).
struct DistillConfig {
  std::string model = "model";
  std::optional<std::string> teacher;
  DistillObjective objective = DistillObjective::kDmd;
  std::string prompts = "prompts.txt";
  std::string trajectories;
  std::optional<std::string> size;
  std::optional<int64_t> frames;
  std::vector<double> steps = {1000, 750, 500, 250};
  std::optional<double> shift;
  diffusion::SamplerKind sampler = diffusion::SamplerKind::kRenoise;
  std::optional<double> guidance;
  std::optional<std::string> negative_prompt;
  linvideo::TrainableKind trainable = linvideo::TrainableKind::kAll;
  linvideo::LoraConfig lora;
  double weight_decay = 0.0;
  int64_t batch_size = 1;
  bool activation_checkpointing = false;
  int64_t seed = 0;
  linvideo::DmdConfig dmd;
  CriticConfig critic;
  GanConfig gan;
  FewStepPreviewConfig preview;

  template <class V>
  void visit(V& v) {
    v("model", model, "model folder that the generator starts from, plain or linearized");
    v("teacher", teacher, "model folder of the teacher, whose score is the real one; null = `model`");
    v("objective", objective,
      "dmd (distribution matching), or regression to the ends of `trajectories`: a start for dmd, without a critic");
    v("prompts", prompts, "dmd: text file, one prompt per line; the only data");
    v("trajectories", trajectories, "regression: folder written by lintorch-collect with the teacher");
    v("size", size, "WIDTHxHEIGHT in pixels; null = the teacher's");
    v("frames", frames, "pixel frames, 1 + a multiple of the VAE's temporal factor; null = the teacher's");
    v("steps", steps, "falling training steps in (0,1000] at which the generator is evaluated, before the shift");
    v("shift", shift, "flow shift of these steps and of the times of the scores; null = the teacher's scheduler");
    v("sampler", sampler,
      "how the generator goes on from one step to the next: renoise (its clean estimate, noised again) or euler");
    v("guidance", guidance, "classifier-free guidance inside the teacher's score; 1 = off; null = the teacher's");
    v("negative_prompt", negative_prompt, "text of the teacher's unconditional branch; null = the teacher's");
    v("trainable", trainable, "weights of the generator that train: all, attention (attn1 only) or lora (adapters)");
    v("lora", lora);
    v("weight_decay", weight_decay, "weight decay of the generator");
    v("batch_size", batch_size, "samples per micro-step");
    v("activation_checkpointing", activation_checkpointing,
      "keep only the input of each block and compute the block again in the backward: less memory, a third more time");
    v("seed", seed, "seed of prompts, noise and times");
    v("dmd", dmd);
    v("critic", critic);
    v("gan", gan);
    v("preview", preview);
  }
  void validate(const std::string& path) const;

  const std::string& teacher_folder() const { return teacher ? *teacher : model; }
};

}  // namespace lintorch::distill

template <>
struct lintorch::EnumNames<lintorch::distill::DistillObjective> {
  using E = lintorch::distill::DistillObjective;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kDmd, "dmd"}, {E::kRegression, "regression"}};
};

template <>
struct lintorch::EnumNames<lintorch::distill::CriticStart> {
  using E = lintorch::distill::CriticStart;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kTeacher, "teacher"}, {E::kGenerator, "generator"}};
};
