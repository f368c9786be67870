#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lintorch/core/json.h"
#include "lintorch/diffusion/sampler.h"
#include "lintorch/models/wan/fp8.h"
#include "lintorch/pipeline/model_preset.h"
#include "lintorch/pipeline/stage_costs.h"

namespace lintorch::bench {

/// lintorch-bench generate: a whole generation with random weights, part by part.
struct GenerateBenchConfig {
  pipeline::ModelPreset preset = pipeline::ModelPreset::kTiny;
  std::optional<std::string> size;
  std::optional<int64_t> frames;
  std::vector<int64_t> linear_layers = {0};
  int64_t feature_dim = 128;
  std::optional<int64_t> steps;
  std::optional<double> guidance;
  diffusion::SamplerKind sampler = diffusion::SamplerKind::kUniPc;
  int64_t prompt_tokens = 64;
  std::string dtype = "bf16";
  std::string vae_dtype = "fp32";
  wan::ResidualFormat residual = wan::ResidualFormat::kFp32;
  wan::Fp8Layers fp8 = wan::Fp8Layers::kNone;
  bool fp8_attention = false;
  std::optional<std::string> video;
  std::string output;
  std::string device = "auto";

  template <class V>
  void visit(V& v) {
    v("preset", preset, "t2v_1_3b, t2v_14b or tiny");
    v("size", size, "WIDTHxHEIGHT of the video in pixels; null = the preset's");
    v("frames", frames, "pixel frames, 1 + a multiple of 4; null = the preset's");
    v("linear_layers", linear_layers, "numbers of linear layers to time, e.g. [0,16]; the first ones are linear");
    v("feature_dim", feature_dim, "width of the Hedgehog map");
    v("steps", steps, "sampler steps; null = the preset's");
    v("guidance", guidance, "guidance scale; 1 = one forward a step; null = the preset's");
    v("sampler", sampler, "euler or unipc");
    v("prompt_tokens", prompt_tokens, "tokens of the prompt, the rest of the text is padding");
    v("dtype", dtype, "of transformer and text encoder: fp32 or bf16");
    v("vae_dtype", vae_dtype, "of the autoencoder: fp32 or bf16");
    v("residual", residual, "residual stream of a bf16 transformer: fp32 or weights");
    v("fp8", fp8, "matrix products of the transformer in FP8: none, feed_forward, all");
    v("fp8_attention", fp8_attention, "softmax self-attention of the transformer in FP8");
    v("video", video, "file to write; null = one that is removed again, .mp4 where this build can write it");
    v("output", output, "JSON file for the results; empty = none");
    v("device", device, "auto, cpu, cuda, cuda:N");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

struct GenerateResult {
  int64_t linear_layers = 0;
  std::vector<pipeline::StageCost> stages;
};

struct GenerateReport {
  std::string device, model;
  int64_t tokens = 0, steps = 0;
  std::vector<GenerateResult> results;
};

/// All parts stay on the device. Every part runs once untimed first, the transformer one step.
GenerateReport run_generate_bench(const GenerateBenchConfig& config);

std::string generate_table(const GenerateReport& report);
/// A list of {table, row, metric, mean, std, n, unit, hardware, commit, date, command}.
Json generate_json(const GenerateReport& report, const std::string& command);

}  // namespace lintorch::bench
