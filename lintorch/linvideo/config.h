#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lintorch/core/enum_names.h"
#include "lintorch/layers/linear_attention_config.h"
#include "lintorch/linvideo/objective_config.h"
#include "lintorch/models/model_layout.h"

namespace lintorch::linvideo {

/// How the layers that become linear are chosen.
enum class SelectionKind { kLearned, kManual, kFirst, kLast, kUniform, kRandom, kGreedy };

/// Which weights train besides the gates.
enum class TrainableKind { kAll, kAttention, kMaps, kLora };

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
    v("trajectories", trajectories,
      "last trajectories of the store (states online: of the prompts), kept out of training");
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
  int64_t prefetch = 2;
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
    v("trajectories", trajectories,
      "folder written by lintorch-collect with the same teacher; not read with states online");
    v("linear_attention", linear_attention);
    v("trainable", trainable,
      "weights that train besides the gates: all, attention (attn1 only), maps (W~ only) or lora (adapters and W~)");
    v("lora", lora);
    v("feature_map_lr", feature_map_lr, "learning rate of W~_q and W~_k; no weight decay");
    v("backbone_weight_decay", backbone_weight_decay, "weight decay of the other weights, or of the adapters");
    v("batch_size", batch_size, "states per micro-step");
    v("prefetch", prefetch,
      "stored states: batches read ahead by a thread of their own, each in main memory; 0 = read when they are needed");
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
struct lintorch::EnumNames<lintorch::linvideo::TrainableKind> {
  using E = lintorch::linvideo::TrainableKind;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kAll, "all"}, {E::kAttention, "attention"}, {E::kMaps, "maps"}, {E::kLora, "lora"}};
};
