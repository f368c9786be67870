#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lintorch/core/enum_names.h"
#include "lintorch/diffusion/sampler.h"

namespace lintorch::linvideo {

/// What a trajectory store holds of each step.
enum class StoreContent { kStatesAndVelocities, kStates };

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
  StoreContent content = StoreContent::kStatesAndVelocities;
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
    v("content", content,
      "what is kept of each step: x_t with the teacher's velocities, or x_t alone, a third of the disk with guidance "
      "and "
      "half without; the teacher is then evaluated where training needs a velocity");
    v("batch_size", batch_size, "trajectories sampled at a time");
    v("trajectories_per_shard", trajectories_per_shard, "trajectories per file: what a kill can cost at most");
    v("device", device, "auto, cpu, cuda or cuda:N");
    v("dtype", dtype, "weights of DiT and text encoder while sampling: fp32 or bf16");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

}  // namespace lintorch::linvideo

template <>
struct lintorch::EnumNames<lintorch::linvideo::StoreContent> {
  using E = lintorch::linvideo::StoreContent;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kStatesAndVelocities, "states_and_velocities"},
                                                             {E::kStates, "states"}};
};
