#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lintorch/core/json.h"
#include "lintorch/pipeline/model_parts.h"

namespace lintorch::inspect {

/// lintorch-inspect describe: what a model is and what it costs.
struct DescribeConfig {
  std::string model;
  pipeline::ComponentPaths components;
  std::optional<std::string> size;
  std::optional<int64_t> frames;
  std::optional<int64_t> steps;
  std::string dtype = "bf16";
  int64_t text_length = 512;
  int64_t trajectories = 1000;
  std::optional<std::string> train;
  int64_t ranks = 1;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v("model", model, "model folder of either layout, or a transformer's folder or file alone");
    v("components", components, "");
    v("size", size, "WIDTHxHEIGHT in pixels; null = the model's");
    v("frames", frames, "pixel frames; null = the model's");
    v("steps", steps, "sampler steps; null = the model's");
    v("dtype", dtype, "dtype in which transformer and text encoder run");
    v("text_length", text_length, "text tokens");
    v("trajectories", trajectories, "trajectories whose disk space to state");
    v("train", train,
      "config of a lintorch-train run: say its memory part by part, disk and time instead; model, size and frames then "
      "replace its own (a size only where no trajectories are there yet)");
    v("ranks", ranks, "train: processes, each with a GPU; train.accumulate is raised to as many");
    v("json", json, "print JSON");
  }
  /// Throws ConfigError naming `path`.
  void validate(const std::string& path) const;
};

/// Everything that can be said from configs and shapes; weights are not read. Keys: transformer (config), attention (one
/// letter per layer, S or L), parameters, video, forward (FLOPs, bytes), generate, train and trajectories (bytes),
/// memory_counted (what the bytes of generate and train are made of). For a transformer alone, Wan's VAE and no text
/// encoder are assumed. Costs are counted as in cost_estimate.h and wan::wan_dit_flops, not measured. Throws ConfigError for
/// a size that does not fit, and what reading the configs throws.
Json describe_model(const DescribeConfig& config);

/// The description as text, one topic per line.
std::string description_text(const Json& description);

}  // namespace lintorch::inspect
