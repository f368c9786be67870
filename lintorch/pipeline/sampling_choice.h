#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lintorch/pipeline/text_to_video.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::pipeline {

/// What a user asks of the sampler; null = the model's own.
struct SamplingRequest {
  std::optional<diffusion::SamplerKind> sampler;
  std::optional<int64_t> steps;
  std::optional<double> shift;
  std::optional<double> guidance;
  std::optional<std::vector<double>> times;

  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

/// Throws ConfigError naming `key` unless the times fall, from at most 1 to above 0.
void check_times(const std::vector<double>& times, const std::string& key);

/// The request, filled up from the model: scheduler and defaults, or, for a model distilled to few steps, its times and
/// its sampler. Such a model asked for another number of steps or another shift gets even_times of them. Throws
/// ConfigError if steps and times disagree.
SampleOptions choose_sampling(const SamplingRequest& request, const diffusion::SchedulerConfig& scheduler,
                              const GenerationDefaults& defaults);

/// What in `options` a few-step model was not distilled for, as one line each; empty if all is well, or for any other
/// model.
std::vector<std::string> distillation_mismatches(const SampleOptions& options, const GenerationDefaults& defaults);

}  // namespace lintorch::pipeline
