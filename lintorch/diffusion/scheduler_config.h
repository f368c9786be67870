#pragma once

#include <filesystem>
#include <string>

#include "lintorch/core/json.h"
#include "lintorch/diffusion/sampler.h"

namespace lintorch::diffusion {

/// scheduler/scheduler_config.json of a model folder, as Diffusers reads and writes it.
/// kUniPc <-> "UniPCMultistepScheduler" (field flow_shift), kEuler <-> "FlowMatchEulerDiscreteScheduler" (field shift).
struct SchedulerConfig {
  SamplerKind sampler = SamplerKind::kUniPc;
  double flow_shift = 3.0;             ///< shift of the flow times, > 0; what a run may override
  int64_t num_train_timesteps = 1000;  ///< only 1000 is supported

  /// Throws ConfigError for another class, an unknown key or a wrong type, NotSupportedError for a setting that the
  /// samplers here do not implement (a prediction type other than flow_prediction, order 3, Karras sigmas, ...).
  static SchedulerConfig from_json(const Json& json, const std::string& where = "");

  /// The complete file, with every field Diffusers would write.
  Json to_json() const;
};

/// Reads `folder`/scheduler_config.json. Throws IoError, ConfigError, NotSupportedError.
SchedulerConfig read_scheduler_config(const std::filesystem::path& folder);

/// Writes `folder`/scheduler_config.json. Throws IoError.
void write_scheduler_config(const std::filesystem::path& folder, const SchedulerConfig& config);

}  // namespace lintorch::diffusion
