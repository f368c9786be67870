#pragma once

#include <ATen/core/Generator.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lintorch/distill/backward_simulation.h"
#include "lintorch/distill/config.h"
#include "lintorch/distill/gan_head.h"
#include "lintorch/distill/generator_run.h"
#include "lintorch/linvideo/prompt_embeddings.h"
#include "lintorch/pipeline/video_model.h"
#include "lintorch/train/train_unit.h"

namespace lintorch::distill {

/// Distribution-matching distillation of a flow model to a few steps. Three networks: the generator; the teacher, whose
/// guided velocity gives the real score; and the critic, which learns the score of the generator's samples.
///
/// A cycle of critic.updates + 1 steps of the trainer: critic.updates steps of the critic, then one of the generator, each
/// on new prompts and noise. Both start from simulate_backward at a random step of the list:
///
///   critic:    mean || v(x_t, t) - (noise - x^_0) ||^2 on renoised_pair(x^_0)            (+ discriminator_loss)
///   generator: dmd_objective(x^_0; fake score = critic, real score = guided teacher)      (+ adversarial_loss)
///
/// The groups of the optimizer alternate accordingly, so clipping, averages, accumulation and resuming are the trainer's.
/// No data but prompts; with the discriminator, the teacher's own samples.
/// Source: DMD2 (arXiv:2405.14867); for Wan as in Self Forcing (arXiv:2506.08009).
class DistillUnit : public train::TrainUnit {
 public:
  /// teacher: loaded from config.teacher_folder() in fp32 on the training device; outlives the unit. Its text encoder is
  /// released once the prompts are encoded. Throws ConfigError if model, teacher, prompts or trajectories do not fit.
  DistillUnit(pipeline::VideoModel& teacher, DistillConfig config);

  std::string name() const override { return "distill"; }
  /// "generator"; "critic" and "discriminator" without averages, names "critic.*" and "gan.*". All require gradients
  /// until before_step.
  std::vector<train::ParameterGroup> parameter_groups() override;
  at::Tensor training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) override;
  bool group_steps(const std::string& group, int64_t step) const override;
  void reseed(int64_t rollbacks) override;
  /// Only what steps requires gradients.
  void before_step(int64_t step) override;
  /// What lintorch-export needs beside the weights (DistillRecord, export.h).
  TensorMap extra_state() override { return run_.record(); }
  void load_extra_state(const TensorMap& state) override;
  Json identity() const override;
  std::string progress_note() override;
  void preview(int64_t step, const std::filesystem::path& folder) override { run_.preview(step, folder); }

  /// Flow times of config.steps.
  const std::vector<double>& times() const { return run_.times; }
  /// Whether `step` updates the generator; the other steps update the critic.
  bool generator_steps(int64_t step) const { return step % (config().critic.updates + 1) == config().critic.updates; }
  wan::WanDit& generator() { return run_.generator.dit; }
  wan::WanDit& critic() { return critic_.dit; }

 private:
  const DistillConfig& config() const { return run_.config; }
  GeneratorOutput generate(const at::Tensor& text_BSD, at::Generator& random);
  at::Tensor generator_loss(const GeneratorOutput& output, const at::Tensor& text_BSD, at::Generator& random,
                            train::MetricBag& metrics);
  at::Tensor critic_loss(const GeneratorOutput& output, const at::Tensor& text_BSD, at::Generator& random,
                         train::MetricBag& metrics);
  at::Tensor real_logits(at::Generator& random);

  GeneratorRun run_;
  double guidance_;
  uint64_t data_seed_ = 0;  ///< of prompts, noise and times
  std::unique_ptr<linvideo::PromptEmbeddings> prompts_;
  uint32_t prompts_crc32_ = 0;  ///< of the file as it was read
  at::Tensor uncond_1SD_;       ///< undefined without guidance
  TrainedNetwork critic_;
  GanHead gan_head_{nullptr};
  int64_t generator_updates_ = 0;  ///< for the progress note
};

}  // namespace lintorch::distill
