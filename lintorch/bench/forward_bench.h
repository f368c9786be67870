#pragma once

#include <string>
#include <vector>

#include "lintorch/bench/timing.h"
#include "lintorch/core/json.h"
#include "lintorch/models/wan/fp8.h"
#include "lintorch/ops/fused_kernels.h"
#include "lintorch/ops/softmax_attention.h"
#include "lintorch/pipeline/model_preset.h"

namespace lintorch::bench {

using pipeline::ModelPreset;

/// lintorch-bench forward: the transformer alone, with random weights.
struct ForwardBenchConfig {
  ModelPreset preset = ModelPreset::kTiny;
  std::string size = "96x72";
  int64_t frames = 17;
  std::vector<int64_t> linear_layers = {0};
  int64_t feature_dim = 128;
  int64_t batch = 1;
  int64_t text_tokens = 512;
  std::string dtype = "bf16";
  std::vector<wan::ResidualFormat> residual = {wan::ResidualFormat::kFp32};
  std::vector<wan::Fp8Layers> fp8 = {wan::Fp8Layers::kNone};
  std::vector<bool> fp8_attention = {false};
  std::vector<ops::FusedKernels> fused_kernels = {ops::FusedKernels::kAuto};
  std::vector<ops::SoftmaxBackend> softmax = {ops::SoftmaxBackend::kAuto};
  int64_t warmup = 2;
  int64_t repeats = 5;
  std::string output;
  std::string device = "auto";

  template <class V>
  void visit(V& v) {
    v("preset", preset, "t2v_1_3b, t2v_14b or tiny");
    v("size", size, "WIDTHxHEIGHT of the video in pixels");
    v("frames", frames, "pixel frames, 1 + a multiple of 4");
    v("linear_layers", linear_layers, "numbers of linear layers to time, e.g. [0,16,30]; the first ones are linear");
    v("feature_dim", feature_dim, "width of the Hedgehog map");
    v("batch", batch, "samples of one forward; 2 = both branches of guidance");
    v("text_tokens", text_tokens, "text tokens");
    v("dtype", dtype, "of the weights: fp32 or bf16");
    v("residual", residual,
      "residual streams of a bf16 model, e.g. [\"fp32\",\"weights\"]; each is compared with the first");
    v("fp8", fp8, "which matrix products run in FP8: none, feed_forward, all; each is compared with the first");
    v("fp8_attention", fp8_attention,
      "whether softmax self-attention runs in FP8, e.g. [false,true]; each is compared with the first of all");
    v("fused_kernels", fused_kernels, "which kernels to time: auto, off");
    v("softmax", softmax, "which softmax attention to time: auto, cudnn, flash, memory_efficient, math");
    v("warmup", warmup, "untimed forwards before");
    v("repeats", repeats, "timed forwards; the median counts");
    v("output", output, "JSON file for the results; empty = none");
    v("device", device, "auto, cpu, cuda, cuda:N");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

struct ForwardResult {
  int64_t linear_layers = 0;
  wan::Fp8Layers fp8 = wan::Fp8Layers::kNone;
  bool fp8_attention = false;
  wan::ResidualFormat residual = wan::ResidualFormat::kFp32;
  ops::FusedKernels fused_kernels = ops::FusedKernels::kAuto;
  ops::SoftmaxBackend softmax = ops::SoftmaxBackend::kAuto;
  double flops = 0;        ///< of one forward, matrix products
  int64_t peak_bytes = 0;  ///< device memory held by the allocator, weights included
  Timing time;
  double error = 0;  ///< ||velocity - velocity of the first setting|| / ||that||
};

struct ForwardReport {
  std::string device, model;
  int64_t tokens = 0;
  std::vector<ForwardResult> results;
};

/// Times every combination of linear_layers, residual, fp8, fp8_attention, fused_kernels and softmax on the same random input.
ForwardReport run_forward_bench(const ForwardBenchConfig& config);

std::string forward_table(const ForwardReport& report);
/// A list of {table, row, metric, mean, std, n, unit, hardware, commit, date, command}; mean is the median time.
Json forward_json(const ForwardReport& report, const std::string& command);

}  // namespace lintorch::bench
