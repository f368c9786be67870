#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lintorch/core/json.h"
#include "lintorch/plan/train_run_config.h"

namespace lintorch::plan {

/// Where a run is to happen, and what its config leaves to a store that is not there yet.
struct PlanOptions {
  int64_t ranks = 1;
  bool gpu = true;
  std::optional<int64_t> gpu_bytes;  ///< memory of each GPU, to compare with; null = none to compare with
  std::optional<std::string> size;   ///< WIDTHxHEIGHT where neither store nor config says it; null = the model's
  std::optional<int64_t> frames;     ///< likewise
};

/// Memory that the data-centre cards have in bytes, by the number on their label.
inline constexpr std::pair<const char*, double> kCards[] = {{"80 GB", 85.5e9}, {"141 GB", 150e9}};

/// What a run of lintorch-train takes and whether it can start, from configs, shapes and what lies on the disk: no weight is
/// read, nothing is written. Keys: model, video, memory {parts, step (their sum), load, peak, context, and for which of kCards it is enough, unless gpu_bytes is given}, disk, steps, time, problems (why it cannot
/// start; empty if it can), notes. Bytes and seconds are predictions: docs/training.md has the formulas.
/// Throws ConfigError for a config that no machine can run, and what reading the models' configs throws.
Json plan_training(const TrainRunConfig& config, const PlanOptions& options);

/// The plan as text, one topic per line.
std::string plan_text(const Json& plan);

}  // namespace lintorch::plan
