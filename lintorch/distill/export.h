#pragma once

#include <filesystem>
#include <string>

#include "lintorch/core/tensor_map.h"
#include "lintorch/distill/config.h"
#include "lintorch/linvideo/config.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::distill {

/// Names of the networks in a checkpoint that are not exported; the generator's weights carry their module names.
inline constexpr const char* kCriticPrefix = "critic.";
inline constexpr const char* kGanPrefix = "gan.";

/// What a distillation checkpoint says about its run, beside the weights.
struct DistillRecord {
  DistillConfig config;
  std::string start;    ///< fingerprint of config.model, which the generator started from
  std::string teacher;  ///< fingerprint of the teacher
  pipeline::FewStepDefaults few_steps;
};

/// As tensors of a checkpoint.
TensorMap record_to_tensors(const DistillRecord& record);

/// Throws CheckpointError if the tensors hold no record of a distillation.
DistillRecord distill_record_from_tensors(const TensorMap& tensors);

/// Whether a checkpoint, or the newest one of a run folder, is of a distillation. Throws as linvideo::find_checkpoint.
bool is_distillation(const std::filesystem::path& checkpoint);

/// Turns a distillation checkpoint into an ordinary model folder: the generator in place of the transformer it started
/// from, adapters merged, attention kinds as they were, the other components copied. Its defaults say few_steps (times,
/// shift, sampler), that many steps, and guidance 1; Diffusers ignores them. Adds distillation.json: config, step,
/// fingerprints; linearization.json comes along if the start had one.
///
/// config.model: the folder the generator started from, if it moved. Throws CheckpointError if the checkpoint does not fit
/// that folder, ConfigError, IoError.
void export_distilled(const linvideo::ExportConfig& config);

}  // namespace lintorch::distill
