#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lintorch/core/enum_names.h"
#include "lintorch/diffusion/sampler.h"
#include "lintorch/layers/linear_attention_config.h"
#include "lintorch/models/model_layout.h"

namespace lintorch::linvideo {

/// How the layers that become linear are chosen.
enum class SelectionKind { kLearned, kManual, kFirst, kLast, kUniform, kRandom, kGreedy };

/// Training objective: velocity matching (Eq. 7), anytime distribution matching (Eq. 11-13), or distribution matching at
/// t = 0 only.
enum class ObjectiveKind { kMse, kAdm, kDmd };

/// How ADM forms the sample x^_t from a state x_{t'}: an Euler step of the student, or its x^_0 noised again.
enum class AdmReading { kEuler, kRenoise };

/// Weight of the velocity difference in the ADM gradient d.
enum class AdmWeight { kUniform, kScore, kX0Normalized };

/// Whose output gives the student's score s^_t: its own, that of an average of its weights, or that of a network trained
/// for it.
enum class ScoreSource { kSelf, kEma, kNetwork };

/// Where training states x_t come from.
enum class StateSource { kStored, kOnPolicy };

/// Which weights train besides the gates.
enum class TrainableKind { kAll, kAttention, kMaps, kLora };

/// Trajectory collection (`lintorch-collect`).
struct CollectConfig {
  std::string model = "model";
  std::string prompts = "prompts.txt";
  std::string output = "trajectories";
  int64_t num_trajectories = 0;
  std::optional<std::string> size;
  std::optional<int64_t> frames;
  std::optional<diffusion::SamplerKind> sampler;
  std::optional<int64_t> steps;
  std::optional<double> shift;
  std::optional<double> guidance;
  std::optional<std::string> negative_prompt;
  int64_t seed = 0;
  std::string storage_dtype = "fp16";
  int64_t batch_size = 1;
  int64_t trajectories_per_shard = 4;
  std::string device = "auto";
  std::string dtype = "fp32";

  template <class V>
  void visit(V& v) {
    v("model", model, "folder of the teacher");
    v("prompts", prompts, "text file, one prompt per line; blank lines and lines starting with # are skipped");
    v("output", output, "folder for the shards and manifest.json; an unfinished one is continued");
    v("num_trajectories", num_trajectories, "trajectories in all, cycling through the prompts; 0 = one per prompt");
    v("size", size, "WIDTHxHEIGHT in pixels; null = the model's");
    v("frames", frames, "pixel frames, 1 + a multiple of the VAE's temporal factor; null = the model's");
    v("sampler", sampler, "euler or unipc; null = the model's");
    v("steps", steps, "sampler steps, all of them stored; null = the model's");
    v("shift", shift, "time shift s of t' = s t / (1 + (s - 1) t), above 0; null = the model's");
    v("guidance", guidance, "classifier-free guidance scale; 1 = off, no unconditional velocities; null = the model's");
    v("negative_prompt", negative_prompt, "text of the unconditional branch; null = the model's");
    v("seed", seed, "seed; trajectory i starts from noise of its own stream");
    v("storage_dtype", storage_dtype, "number format on disk: fp32, fp16 or bf16");
    v("batch_size", batch_size, "trajectories sampled at a time");
    v("trajectories_per_shard", trajectories_per_shard, "trajectories per file: what a kill can cost at most");
    v("device", device, "auto, cpu, cuda or cuda:N");
    v("dtype", dtype, "weights of DiT and text encoder while sampling: fp32 or bf16");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

/// Selective transfer: the per-layer gates r and the choice of `target` linear layers (paper Sec. 4.1).
struct SelectiveTransferConfig {
  SelectionKind selection = SelectionKind::kLearned;
  int64_t target = 0;
  std::vector<int64_t> linear_layers;
  double init = 0.9;
  double init_noise = 0.01;
  double init_spread = 0.0;
  double lr = 1e-2;
  double lambda = 0.01;
  bool constraint = true;
  bool regularizer = true;
  double alpha_start = 20.0;
  double alpha_end = 2.0;
  double alpha_fraction = 0.5;
  double freeze_fraction = 0.8;
  int64_t measured_states = 32;
  std::optional<int64_t> gate_margin;

  template <class V>
  void visit(V& v) {
    v("selection", selection, "how the linear layers are chosen");
    v("target", target, "number of layers that become linear, e.g. 16 of the 30 of Wan 1.3B");
    v("linear_layers", linear_layers, "selection manual: the layers that become linear, counted from 0");
    v("init", init, "start value of every gate r in [0,1]; 1 = softmax");
    v("init_noise", init_noise, "half-width of the uniform noise on the start values, which breaks ties");
    v("init_spread", init_spread,
      "selection learned: distance between the start values of the layers that cost least and most when they alone are "
      "linear, measured after the warm-up, the others between them by rank, `init` in the middle; 0 = all start at "
      "init");
    v("lr", lr, "learning rate of the gates; no weight decay");
    v("lambda", lambda, "weight of L_con + L_reg in the total loss (Eq. 14)");
    v("constraint", constraint, "use L_con (Eq. 9)");
    v("regularizer", regularizer, "use L_reg (Eq. 10)");
    v("alpha_start", alpha_start, "exponent alpha of L_reg at the start");
    v("alpha_end", alpha_end, "exponent alpha of L_reg at the end of its schedule");
    v("alpha_fraction", alpha_fraction, "share of the steps over which alpha goes linearly from start to end");
    v("freeze_fraction", freeze_fraction, "share of the steps after which the choice is final, in (0,1]");
    v("measured_states", measured_states,
      "selection greedy, and init_spread: stored states on which the error of each layer alone being linear is "
      "measured");
    v("gate_margin", gate_margin,
      "selection learned: alarm when the number of linear layers is further than this from the target at the first log "
      "point in "
      "the last tenth of the transfer; null = off");
  }
  void validate(const std::string& path) const;
};

/// Anytime distribution matching (paper Sec. 4.2).
struct AdmConfig {
  AdmReading reading = AdmReading::kEuler;
  double euler_step = 0.02;
  AdmWeight weight = AdmWeight::kScore;
  double min_t = 0.02;
  double max_t = 0.98;
  double scale = 1.0;
  ScoreSource score = ScoreSource::kSelf;
  double score_ema_decay = 0.99;

  template <class V>
  void visit(V& v) {
    v("reading", reading, "how x^_t is made: euler (a step of the student) or renoise (its x^_0, noised again)");
    v("euler_step", euler_step, "reading euler: t' - t in flow time; 0 = the distance to the next grid time");
    v("weight", weight, "weight of u - u^ in d: uniform 1, score (1-t)/t, or DMD's normalization in x_0 space");
    v("min_t", min_t, "lowest t in the weight and for renoise, in (0,1)");
    v("max_t", max_t, "highest t in the weight and for renoise, in (0,1)");
    v("scale", scale, "factor on L_ADM; 1/euler_step makes its gradient on u^ comparable with that of L_mse");
    v("score", score,
      "the student's score: from itself, from an average of its weights (ema), or from a network trained for it "
      "(objective.score_network)");
    v("score_ema_decay", score_ema_decay, "score ema: decay of the average, in (0,1)");
  }
  void validate(const std::string& path) const;
};

/// Distribution matching at t = 0 only (DMD), the rival of the paper's objective table.
struct DmdConfig {
  double min_t = 0.02;
  double max_t = 0.98;
  double scale = 1.0;

  template <class V>
  void visit(V& v) {
    v("min_t", min_t, "lowest t at which x^_0 is noised and judged, in (0,1)");
    v("max_t", max_t, "highest t at which x^_0 is noised and judged, in (0,1)");
    v("scale", scale, "factor on L_DMD");
  }
  void validate(const std::string& path) const;
};

/// The network that learns the student's score, for objective dmd and for objective adm with score network.
struct ScoreNetworkConfig {
  double lr = 1e-5;
  int64_t updates = 1;

  template <class V>
  void visit(V& v) {
    v("lr", lr, "learning rate of the score network, constant");
    v("updates", updates, "its updates per step of the student");
  }
  void validate(const std::string& path) const;
};

/// What the student is trained to match.
struct ObjectiveConfig {
  ObjectiveKind kind = ObjectiveKind::kMse;
  AdmConfig adm;
  DmdConfig dmd;
  ScoreNetworkConfig score_network;
  double mse_anchor = 0.0;
  double feature_weight = 0.0;
  StateSource states = StateSource::kStored;
  int64_t pool_size = 64;
  double prompt_drop = 0.2;

  template <class V>
  void visit(V& v) {
    v("kind", kind, "training objective");
    v("adm", adm);
    v("dmd", dmd);
    v("score_network", score_network);
    v("mse_anchor", mse_anchor, "weight of L_mse added to L_ADM or L_DMD at the same states; 0 = off");
    v("feature_weight", feature_weight,
      "weight of the relative error of the hidden states after each block; 0 = off. Costs a forward of the teacher");
    v("states", states, "stored teacher states, or a rolling pool of the student's own trajectories");
    v("pool_size", pool_size, "states on_policy: trajectories in flight");
    v("prompt_drop", prompt_drop, "share of the samples that match the unconditional branch, in [0,1]");
  }
  void validate(const std::string& path) const;
};

/// Distillation of each layer's attention output into its feature map before the gates move.
struct WarmupConfig {
  int64_t steps = 0;

  template <class V>
  void visit(V& v) {
    v("steps", steps, "steps spent on it before selective transfer starts; 0 = off");
  }
  void validate(const std::string& path) const;
};

/// Low-rank adapters on linear layers of the blocks, the other weights frozen.
struct LoraConfig {
  int64_t rank = 16;
  double alpha = 16.0;
  std::vector<std::string> modules = {"attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0"};

  template <class V>
  void visit(V& v) {
    v("rank", rank, "trainable lora: rank r of the adapters");
    v("alpha", alpha, "trainable lora: W + alpha/r B A replaces W");
    v("modules", modules, "trainable lora: linear layers of every block that get one, e.g. attn1.to_q, ffn.net.2");
  }
  void validate(const std::string& path) const;
};

/// Held-out states, watched as the divergence alarm.
struct ValidationConfig {
  int64_t every = 50;
  int64_t trajectories = 2;
  int64_t states = 8;

  template <class V>
  void visit(V& v) {
    v("every", every, "steps between two measurements of the held-out velocity error; 0 = off");
    v("trajectories", trajectories, "last trajectories of the store, kept out of training");
    v("states", states, "held-out states measured");
  }
  void validate(const std::string& path) const;
};

/// Short videos of the current student, written during training.
struct PreviewConfig {
  std::vector<std::string> prompts;
  int64_t steps = 20;
  int64_t seed = 1;

  template <class V>
  void visit(V& v) {
    v("prompts", prompts, "prompts of the preview videos; empty = the first prompt of the trajectories");
    v("steps", steps, "sampler steps");
    v("seed", seed, "seed of the start noise, the same at every preview");
  }
  void validate(const std::string& path) const;
};

/// Linearization of a teacher by selective transfer (the `linearize` section of `lintorch-train`).
struct LinearizeConfig {
  std::string model = "model";
  std::string trajectories = "trajectories";
  layers::LinearAttentionConfig linear_attention;
  TrainableKind trainable = TrainableKind::kAll;
  LoraConfig lora;
  double feature_map_lr = 1e-3;
  double backbone_weight_decay = 0.01;
  int64_t batch_size = 1;
  bool activation_checkpointing = false;
  std::string frozen_dtype = "fp32";
  int64_t seed = 0;
  SelectiveTransferConfig selective_transfer;
  ObjectiveConfig objective;
  WarmupConfig warmup;
  ValidationConfig validation;
  PreviewConfig preview;

  template <class V>
  void visit(V& v) {
    v("model", model, "folder of the teacher");
    v("trajectories", trajectories, "folder written by lintorch-collect with the same teacher");
    v("linear_attention", linear_attention);
    v("trainable", trainable,
      "weights that train besides the gates: all, attention (attn1 only), maps (W~ only) or lora (adapters and W~)");
    v("lora", lora);
    v("feature_map_lr", feature_map_lr, "learning rate of W~_q and W~_k; no weight decay");
    v("backbone_weight_decay", backbone_weight_decay, "weight decay of the other weights, or of the adapters");
    v("batch_size", batch_size, "states per micro-step");
    v("activation_checkpointing", activation_checkpointing,
      "keep only the input of each block and compute the block again in the backward: less memory, a third more time");
    v("frozen_dtype", frozen_dtype,
      "number format of the weights that do not train, the teacher's among them: fp32, or bf16: half the memory, and "
      "under train.precision bf16 the same products");
    v("seed", seed, "seed of the state sampling, the gates' noise and the maps' init");
    v("selective_transfer", selective_transfer);
    v("objective", objective);
    v("warmup", warmup);
    v("validation", validation);
    v("preview", preview);
  }
  void validate(const std::string& path) const;
  /// In which the teacher is loaded: a student that trains its weights starts from fp32.
  at::ScalarType load_dtype() const;
};

/// Turning a training checkpoint into an ordinary model folder, or writing a model again in another layout
/// (`lintorch-export`).
struct ExportConfig {
  std::string checkpoint;
  std::string output = "linearized";
  std::optional<std::string> model;
  std::optional<std::string> untrained_swap;
  bool ema = true;
  std::optional<std::string> dtype;
  ModelLayout layout = ModelLayout::kDiffusers;
  int64_t max_shard_bytes = io::kDefaultShardBytes;

  template <class V>
  void visit(V& v) {
    v("checkpoint", checkpoint,
      "training checkpoint, or the run folder for its newest one; empty = write `model` again as it is, in `layout`");
    v("output", output, "model folder to write");
    v("model", model,
      "folder of the teacher; null = where it was in training. Without a checkpoint: the model folder, or single "
      "transformer file, to write again");
    v("untrained_swap", untrained_swap, "also write this model folder: the same layers swapped without any training");
    v("ema", ema, "export the averaged weights if the run kept them");
    v("dtype", dtype,
      "number format of the exported DiT: bf16, fp16 or fp32; null = bf16, or as it is where there is no checkpoint");
    v("layout", layout, "files and tensor names: diffusers (WanPipeline folder) or original (Wan's own repository)");
    v("max_shard_bytes", max_shard_bytes, "split the DiT's weights into files of at most this size; 0 = one file");
  }
  void validate(const std::string& path) const;
};

}  // namespace lintorch::linvideo

template <>
struct lintorch::EnumNames<lintorch::linvideo::SelectionKind> {
  using E = lintorch::linvideo::SelectionKind;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kLearned, "learned"}, {E::kManual, "manual"}, {E::kFirst, "first"},  {E::kLast, "last"},
      {E::kUniform, "uniform"}, {E::kRandom, "random"}, {E::kGreedy, "greedy"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::ObjectiveKind> {
  using E = lintorch::linvideo::ObjectiveKind;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kMse, "mse"}, {E::kAdm, "adm"}, {E::kDmd, "dmd"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::AdmReading> {
  using E = lintorch::linvideo::AdmReading;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kEuler, "euler"}, {E::kRenoise, "renoise"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::AdmWeight> {
  using E = lintorch::linvideo::AdmWeight;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kUniform, "uniform"}, {E::kScore, "score"}, {E::kX0Normalized, "x0_normalized"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::ScoreSource> {
  using E = lintorch::linvideo::ScoreSource;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kSelf, "self"}, {E::kEma, "ema"}, {E::kNetwork, "network"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::StateSource> {
  using E = lintorch::linvideo::StateSource;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kStored, "stored"}, {E::kOnPolicy, "on_policy"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::TrainableKind> {
  using E = lintorch::linvideo::TrainableKind;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kAll, "all"}, {E::kAttention, "attention"}, {E::kMaps, "maps"}, {E::kLora, "lora"}};
};
