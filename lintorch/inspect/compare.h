#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/core/json.h"

namespace lintorch::inspect {

/// lintorch-inspect compare: two transformers on the same input.
struct CompareConfig {
  std::string a;
  std::string b;
  std::optional<std::string> input;
  std::string size = "256x256";
  int64_t frames = 9;
  int64_t text_length = 512;
  double timestep = 500;
  int64_t seed = 0;
  std::string device = "auto";
  std::string dtype = "fp32";
  bool json = false;

  template <class V>
  void visit(V& v) {
    v("a", a, "model folder of either layout, or a transformer's folder or file: the reference");
    v("b", b, "the other one");
    v("input", input, ".safetensors file with hidden_states, timestep, encoder_hidden_states; null = random");
    v("size", size, "random input: WIDTHxHEIGHT in pixels");
    v("frames", frames, "random input: pixel frames");
    v("text_length", text_length, "random input: text tokens");
    v("timestep", timestep, "random input: 1000 t, from 0 to 1000");
    v("seed", seed, "of the random input");
    v("device", device, "auto, cpu, cuda, cuda:N");
    v("dtype", dtype, "fp32, bf16, fp16 or fp64: dtype of the weights");
    v("json", json, "print JSON");
  }
  /// Throws ConfigError naming `path`.
  void validate(const std::string& path) const;
};

struct Comparison {
  std::vector<double> blocks;  ///< |x_b - x_a| / |x_a| of the residual stream after each block (root mean square)
  double velocity = 0;         ///< the same of the output
  std::vector<std::string> layers_a, layers_b;  ///< softmax or linear, per block
};

/// Runs both models, one after the other, on the same input. The random input is normal noise; its sizes are divided by
/// a's VAE factors (Wan's if a is a transformer alone). Throws ConfigError if the models have different shapes.
Comparison compare_models(const CompareConfig& config);

Json comparison_json(const Comparison& comparison);

/// One line per block, and the velocity.
std::string comparison_text(const Comparison& comparison);

}  // namespace lintorch::inspect
