#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/pipeline/model_preset.h"

namespace lintorch::inspect {

/// lintorch-inspect random: a model folder of random weights.
struct RandomModelConfig {
  pipeline::ModelPreset preset = pipeline::ModelPreset::kTiny;
  std::string output;
  ModelLayout layout = ModelLayout::kDiffusers;
  int64_t seed = 0;
  std::string dtype = "fp32";
  std::vector<std::string> components = {"transformer", "vae", "text_encoder", "tokenizer", "scheduler"};
  int64_t max_shard_bytes = 2'000'000'000;
  double flow_shift = 3.0;
  wan::WanDitConfig transformer;
  wan::WanVaeConfig vae;
  umt5::Umt5Config text_encoder;
  pipeline::GenerationDefaults defaults;

  /// The configuration of a preset; every field can be changed afterwards.
  static RandomModelConfig of(pipeline::ModelPreset preset);

  /// As load_config, but with the defaults of the preset that file and overrides name.
  static RandomModelConfig load(const std::optional<std::filesystem::path>& file,
                                const std::vector<std::string>& overrides);

  template <class V>
  void visit(V& v) {
    v("preset", preset, "gives the defaults of the other keys");
    v("output", output, "model folder to write");
    v("layout", layout, "diffusers, or original: files and names of Wan's own repository");
    v("seed", seed, "the same seed gives the same weights");
    v("dtype", dtype, "fp32, bf16 or fp16: of the stored transformer and text encoder");
    v("components", components, "which of transformer, vae, text_encoder, tokenizer, scheduler to write");
    v("max_shard_bytes", max_shard_bytes, "largest safetensors file; also about the memory used");
    v("flow_shift", flow_shift, "of the scheduler");
    v("transformer", transformer);
    v("vae", vae);
    v("text_encoder", text_encoder);
    v("defaults", defaults);
  }
  /// Throws ConfigError naming `path`.
  void validate(const std::string& path) const;
};

/// Writes the folder (atomically) so that load_video_model and, in the Diffusers layout, WanPipeline read it. Transformer
/// and text encoder are streamed: 14B needs no more memory than one shard. The same seed gives the same weights in both
/// layouts. The tokenizer is a small one trained on built-in sentences. Throws ConfigError, IoError (also if the folder holds something else).
void write_random_model(const RandomModelConfig& config);

}  // namespace lintorch::inspect
