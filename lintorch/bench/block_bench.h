#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lintorch/bench/timing.h"
#include "lintorch/core/json.h"
#include "lintorch/models/wan/config.h"
#include "lintorch/ops/fused_kernels.h"
#include "lintorch/pipeline/model_preset.h"

namespace lintorch::bench {

/// lintorch-bench block: one transformer block with random weights, in inference and in training.
struct BlockBenchConfig {
  pipeline::ModelPreset preset = pipeline::ModelPreset::kTiny;
  std::optional<std::string> size;
  std::optional<int64_t> frames;
  std::vector<wan::AttentionKind> attention = {wan::AttentionKind::kSoftmax, wan::AttentionKind::kLinear};
  int64_t feature_dim = 128;
  int64_t batch = 1;
  std::string dtype = "bf16";
  std::vector<ops::FusedKernels> fused_kernels = {ops::FusedKernels::kAuto};
  int64_t warmup = 2;
  int64_t repeats = 5;
  std::string output;
  std::string device = "auto";

  template <class V>
  void visit(V& v) {
    v("preset", preset, "t2v_1_3b, t2v_14b or tiny");
    v("size", size, "WIDTHxHEIGHT of the video in pixels; null = the preset's");
    v("frames", frames, "pixel frames, 1 + a multiple of 4; null = the preset's");
    v("attention", attention, "kinds of self-attention to time: softmax, linear");
    v("feature_dim", feature_dim, "width of the Hedgehog map");
    v("batch", batch, "samples");
    v("dtype", dtype, "of the weights: fp32 or bf16");
    v("fused_kernels", fused_kernels, "which kernels to time: auto, off");
    v("warmup", warmup, "untimed calls before");
    v("repeats", repeats, "timed calls; the median counts");
    v("output", output, "JSON file for the results; empty = none");
    v("device", device, "auto, cpu, cuda, cuda:N");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

struct BlockResult {
  wan::AttentionKind attention;
  ops::FusedKernels fused_kernels;
  double flops = 0;  ///< of one forward, matrix products
  Timing inference;  ///< forward in InferenceMode
  Timing training;   ///< forward and backward, gradients of the input and of all weights
  int64_t inference_peak_bytes = 0, training_peak_bytes = 0;  ///< device memory held by the allocator, weights included
};

struct BlockReport {
  std::string device, model;
  int64_t tokens = 0;
  std::vector<BlockResult> results;
};

BlockReport run_block_bench(const BlockBenchConfig& config);

std::string block_table(const BlockReport& report);
/// A list of {table, row, metric, mean, std, n, unit, hardware, commit, date, command}; mean is the median time.
Json block_json(const BlockReport& report, const std::string& command);

}  // namespace lintorch::bench
