#pragma once

#include <string>
#include <vector>

#include "lintorch/core/enum_names.h"
#include "lintorch/models/judge/config.h"
#include "lintorch/models/umt5/config.h"
#include "lintorch/models/wan/config.h"
#include "lintorch/models/wan/vae_config.h"
#include "lintorch/pretrain/moving_fashion.h"
#include "lintorch/train/trainer_config.h"

namespace lintorch::pretrain {

enum class Stage { kTokenizer, kVae, kJudge, kDit };
enum class TimeSampling { kUniform, kLogitNormal };

struct TokenizerStageConfig {
  int64_t captions = 20000;
  int64_t vocab_size = 512;
  int64_t max_length = 64;
  int64_t collect_prompts = 2048;
  int64_t eval_prompts = 1024;

  template <class V>
  void visit(V& v) {
    v("captions", captions, "captions of training clips to learn from");
    v("vocab_size", vocab_size, "pieces, at most");
    v("max_length", max_length, "tokens of a prompt, end of sentence included");
    v("collect_prompts", collect_prompts, "prompts written to output/collect_prompts.txt, for lintorch-collect");
    v("eval_prompts", eval_prompts, "held-out prompts written to output/eval_prompts.txt, for lintorch-eval");
  }
  void validate(const std::string& path) const;
};

struct VaeStageConfig {
  wan::WanVaeConfig model = wan::tiny_vae();
  train::TrainerConfig train;
  int64_t batch_size = 16;
  double l1_weight = 1.0;
  double l2_weight = 1.0;
  double kl_weight = 5e-4;
  int64_t statistics_clips = 512;
  int64_t test_clips = 128;

  template <class V>
  void visit(V& v) {
    v("model", model, "");
    v("train", train, "");
    v("batch_size", batch_size, "clips per step");
    v("l1_weight", l1_weight, "weight of the mean absolute pixel error");
    v("l2_weight", l2_weight, "weight of the mean squared pixel error");
    v("kl_weight", kl_weight, "weight of the mean divergence of a latent value from N(0,1)");
    v("statistics_clips", statistics_clips, "training clips from which latents_mean and latents_std are taken");
    v("test_clips", test_clips, "test clips for the PSNR");
  }
  void validate(const std::string& path) const;
};

struct JudgeStageConfig {
  judge::JudgeConfig model;
  train::TrainerConfig train;
  int64_t batch_size = 64;
  double noise = 0.05;
  int64_t test_clips = 1024;

  template <class V>
  void visit(V& v) {
    v("model", model, "");
    v("train", train, "");
    v("batch_size", batch_size, "clips per step");
    v("noise", noise, "standard deviation of noise added to the pixels in training");
    v("test_clips", test_clips, "test clips for the accuracies and the statistics of the features");
  }
  void validate(const std::string& path) const;
};

struct DitStageConfig {
  wan::WanDitConfig model = wan::tiny();
  umt5::Umt5Config text_encoder = umt5::tiny();
  train::TrainerConfig train;
  int64_t batch_size = 64;
  int64_t latent_pool_clips = 16384;
  int64_t encode_batch = 32;
  double prompt_dropout = 0.1;
  TimeSampling time_sampling = TimeSampling::kLogitNormal;
  double flow_shift = 3.0;

  template <class V>
  void visit(V& v) {
    v("model", model, "");
    v("text_encoder", text_encoder, "");
    v("train", train, "");
    v("batch_size", batch_size, "clips per step");
    v("latent_pool_clips", latent_pool_clips, "training clips encoded once and held on the device");
    v("encode_batch", encode_batch, "clips encoded at a time");
    v("prompt_dropout", prompt_dropout, "probability of an empty prompt, for classifier-free guidance, in [0,1]");
    v("time_sampling", time_sampling, "distribution of the flow time before the shift");
    v("flow_shift", flow_shift, "shift of the flow times, in training and in scheduler_config.json");
  }
  void validate(const std::string& path) const;
};

/// A whole run of lintorch-pretrain. Default step counts are those of configs/tiny_wan.
struct PretrainConfig {
  int64_t seed = 1;
  std::string output = "runs/pretrain";
  std::string init_from;
  std::string dtype = "bf16";
  std::vector<Stage> stages = {Stage::kTokenizer, Stage::kVae, Stage::kJudge, Stage::kDit};
  MovingFashionConfig data;
  TokenizerStageConfig tokenizer;
  VaeStageConfig vae;
  JudgeStageConfig judge;
  DitStageConfig dit;

  PretrainConfig();

  template <class V>
  void visit(V& v) {
    v("seed", seed, "seed of the initial weights");
    v("output", output, "run folder: model/ (the Diffusers folder) and training/");
    v("init_from", init_from,
      "a model folder to go on from: stages left out take their parts from it, the dit stage starts with its weights, "
      "if it has a transformer");
    v("dtype", dtype, "number format of the weights written, except the judge's: bf16 or fp32");
    v("stages", stages, "what to do; a stage that is complete is skipped");
    v("data", data, "");
    v("tokenizer", tokenizer, "");
    v("vae", vae, "");
    v("judge", judge, "");
    v("dit", dit, "");
  }
  /// Throws ConfigError naming the field, also for parts that do not fit each other.
  void validate(const std::string& path) const;
};

}  // namespace lintorch::pretrain

template <>
struct lintorch::EnumNames<lintorch::pretrain::Stage> {
  using E = lintorch::pretrain::Stage;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kTokenizer, "tokenizer"}, {E::kVae, "vae"}, {E::kJudge, "judge"}, {E::kDit, "dit"}};
};

template <>
struct lintorch::EnumNames<lintorch::pretrain::TimeSampling> {
  using E = lintorch::pretrain::TimeSampling;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kUniform, "uniform"},
                                                             {E::kLogitNormal, "logit_normal"}};
};
