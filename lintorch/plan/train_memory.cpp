#include "lintorch/plan/train_memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "lintorch/inspect/cost_estimate.h"
#include "lintorch/pipeline/video_size.h"
#include "lintorch/plan/activation_bytes.h"
#include "lintorch/train/gradient_buckets.h"

namespace lintorch::plan {

namespace {

using linvideo::ObjectiveKind;
using linvideo::ScoreSource;
using linvideo::StateSource;

constexpr double kFp32 = 4, kMoments = 8;
// What the allocator holds beyond the tensors alive in a step, over activations and workspace. An assumption until it is
// calibrated against memory/peak_gb.
constexpr double kAllocatorShare = 0.1;

/// What both methods have in common once they are counted.
struct Counts {
  double teacher_bytes = 0;
  TrainedValues student, critic;         ///< critic: distillation only
  double own_values = 0;                 ///< of the trained networks, fp32, not shared with the teacher
  double trained = 0;                    ///< with optimizer state
  double largest_gradient = 0;           ///< values that have gradients in one step
  double averaged = 0;                   ///< with a moving average of the trainer
  double other_fp32 = 0;                 ///< averaged student, or score network with gradients and moments: bytes
  bool second_network_backward = false;  ///< score network: a whole graph without checkpointing beside the student's
  int64_t batch = 1;
  bool checkpointing = false;
  CoreKind core = CoreKind::kSoftmax;
  double pool_bytes = 0;
  bool features = false;
};

double latent_values(const RunShape& shape) {
  double values = 1;
  for (const int64_t size : shape.latent_shape) values *= static_cast<double>(size);
  return values;
}

Counts count_linearize(const linvideo::LinearizeConfig& config, const RunShape& shape) {
  Counts c;
  const auto& objective = config.objective;
  c.student = linearize_values(shape.model, config);
  const auto low = static_cast<double>(c.student.teacher - c.student.teacher_fp32);
  const double frozen_bytes = config.frozen_dtype == "bf16" ? 2 : kFp32;
  c.teacher_bytes = kFp32 * static_cast<double>(c.student.teacher_fp32) + frozen_bytes * low;
  c.trained = c.own_values = static_cast<double>(c.student.trained());
  c.largest_gradient = c.trained;
  c.averaged = c.trained - static_cast<double>(c.student.gates);
  const bool adm = objective.kind == ObjectiveKind::kAdm;
  if (adm && objective.adm.score == ScoreSource::kEma) c.other_fp32 = kFp32 * c.averaged;
  if (objective.kind == ObjectiveKind::kDmd || (adm && objective.adm.score == ScoreSource::kNetwork)) {
    c.other_fp32 = (2 * kFp32 + kMoments) * static_cast<double>(c.student.teacher);
    c.second_network_backward = true;
  }
  c.batch = config.batch_size;
  c.checkpointing = config.activation_checkpointing;
  c.core = CoreKind::kMixed;
  if (objective.states != StateSource::kStored)
    c.pool_bytes = kFp32 * static_cast<double>(objective.pool_size) * latent_values(shape);
  c.features = objective.feature_weight > 0;
  return c;
}

Counts count_distill(const distill::DistillConfig& config, const RunShape& shape) {
  Counts c;
  c.student = network_values(shape.student, config.trainable, config.lora);
  const bool critic_is_teacher = config.critic.start == distill::CriticStart::kTeacher;
  if (config.objective == distill::DistillObjective::kDmd)
    c.critic =
        network_values(critic_is_teacher ? shape.model : shape.student, config.critic.trainable, config.critic.lora);
  const auto teacher = network_values(shape.model, linvideo::TrainableKind::kMaps, {}).teacher;
  c.teacher_bytes = kFp32 * static_cast<double>(teacher);
  const bool same = config.teacher_folder() == config.model;
  const auto own = [](const TrainedValues& network, bool shares) {
    return static_cast<double>(shares ? network.backbone : network.teacher + (network.adapters ? network.backbone : 0));
  };
  c.own_values = own(c.student, same) + own(c.critic, same || critic_is_teacher);
  c.trained = static_cast<double>(c.student.backbone + c.critic.backbone);
  // The two take turns.
  c.largest_gradient = static_cast<double>(std::max(c.student.backbone, c.critic.backbone));
  c.averaged = static_cast<double>(c.student.backbone);
  c.batch = config.batch_size;
  c.checkpointing = config.activation_checkpointing;
  return c;
}

Counts count(const TrainRunConfig& config, const RunShape& shape) {
  return config.method == Method::kDistill ? count_distill(config.distill, shape)
                                           : count_linearize(config.linearize, shape);
}

}  // namespace

std::vector<MemoryPart> train_memory(const TrainRunConfig& config, const RunShape& shape) {
  const Counts c = count(config, shape);
  const auto ranks = static_cast<double>(shape.ranks);
  const bool low_precision = shape.gpu && config.train.precision == "bf16";
  const int64_t b = low_precision ? 2 : 4;
  const int64_t tokens = c.batch * pipeline::num_tokens(shape.model, shape.latent_shape);
  const auto& shard = config.train.shard;
  const bool sharded = shape.ranks > 1 && shard != train::ShardKind::kNone;
  const double bucket = shape.ranks > 1 ? 1e6 * static_cast<double>(config.train.bucket_mb) : 0;

  std::vector<MemoryPart> parts;
  const auto add = [&](const char* name, double bytes, std::string counted, bool exact = false) {
    if (bytes > 0) parts.push_back({name, bytes, std::move(counted), exact});
  };
  add("teacher", c.teacher_bytes, "its weights; frozen weights of the student are the same memory", true);
  add("student", kFp32 * c.own_values, "weights of its own, fp32: trained ones, feature maps, gates, adapters", true);
  const double whole = kFp32 * c.largest_gradient;
  const bool accumulates = config.train.accumulate > shape.ranks;
  double gradients = whole + std::min(bucket, whole);
  if (sharded && shard == train::ShardKind::kGradients) {
    constexpr int64_t kBuckets = 2 + train::GradientBuckets::kUnsentBuckets;  // on their way, and not sent yet
    gradients = whole * (1 / ranks + (accumulates ? 1 : 0)) + std::min(static_cast<double>(kBuckets) * bucket, whole);
    add("gradients", gradients,
        fmt::format("fp32, 1/{} of the sums, {} buckets of train.bucket_mb{}", shape.ranks, kBuckets,
                    accumulates ? ", and whole ones, summed over several micro-batches" : ""));
  } else {
    add("gradients", gradients, shape.ranks > 1 ? "fp32, and one bucket of train.bucket_mb" : "fp32", shape.ranks == 1);
  }
  add("optimizer", kMoments * c.trained / (sharded ? ranks : 1),
      sharded ? fmt::format("AdamW's two moments, fp32, 1/{} of them", shape.ranks) : "AdamW's two moments, fp32",
      true);
  if (config.train.ema_decay > 0)
    add("average", kFp32 * c.averaged, "moving average of the trained weights, fp32", true);
  add("score", c.other_fp32, "averaged student, or score network with its gradients and moments, fp32", true);
  add("autoencoder", kFp32 * static_cast<double>(shape.vae_values), "weights in fp32, for previews", true);
  add("pool", c.pool_bytes, "fp32 latents of objective.pool_size trajectories in flight", true);

  const double block = block_activation_bytes(shape.student, tokens, b, c.core);
  const auto layers = static_cast<double>(shape.student.num_layers);
  double saved = c.checkpointing ? checkpoint_bytes(shape.student, tokens) : layers * block;
  if (c.second_network_backward) saved += layers * block_activation_bytes(shape.model, tokens, b, CoreKind::kSoftmax);
  add("activations", saved, c.checkpointing ? "input of every block, fp32" : "what every block keeps for its backward");
  // With one micro-batch a backward frees what it has used as the gradients come.
  if (!accumulates)
    parts.push_back(
        {"freed", -std::min(saved, gradients), "activations and gradients are never all there at once", false});
  double features = 0;
  if (c.features) features = 2 * checkpoint_bytes(shape.student, tokens);
  add("hidden states", features, "objective.feature_weight: the teacher's, and their differences, fp32");
  if (low_precision) {
    const auto low = static_cast<double>(c.student.teacher - c.student.teacher_fp32);
    const bool frozen_low = config.method == Method::kLinearize && config.linearize.frozen_dtype == "bf16";
    const double fp32_weights = frozen_low ? static_cast<double>(c.student.backbone + c.student.feature_maps)
                                           : low + static_cast<double>(c.student.feature_maps);
    add("bf16 copies", 2 * fp32_weights / (c.checkpointing ? layers : 1),
        c.checkpointing ? "of one block's fp32 weights"
                        : "of the fp32 weights, which the graph keeps for the backward");
  }
  const double forward = inspect::inference_activation_bytes(shape.model, tokens, b);
  const double backward = (c.checkpointing ? block : 0) + backward_workspace_bytes(shape.student, tokens, b);
  add("workspace", std::max(forward, backward),
      c.checkpointing ? "the larger of a forward of the teacher, and one block computed again with its gradients"
                      : "the larger of a forward of the teacher, and the gradients inside one block");
  add("allocator", kAllocatorShare * (saved + features + std::max(forward, backward)),
      fmt::format("{:.0f} % of activations, hidden states and workspace: assumed", 100 * kAllocatorShare));
  return parts;
}

double total_bytes(const std::vector<MemoryPart>& parts) {
  double sum = 0;
  for (const auto& part : parts) sum += part.bytes;
  return sum;
}

double checkpoint_file_bytes(const TrainRunConfig& config, const RunShape& shape) {
  const Counts c = count(config, shape);
  return (kFp32 + kMoments) * c.trained + (config.train.ema_decay > 0 ? kFp32 * c.averaged : 0) + c.other_fp32 +
         c.pool_bytes;
}

}  // namespace lintorch::plan
