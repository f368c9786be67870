#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "lintorch/eval/eval_config.h"
#include "lintorch/pipeline/text_to_video.h"

namespace lintorch::eval {

/// An estimate with its 95 % confidence half-width (normal approximation over prompts or objects).
struct Estimate {
  double mean = 0;
  double half_width = 0;
  int64_t count = 0;
};

/// One row of the table. Judge figures are absent when prompts carry no labels or no judge is given; distances to the
/// teacher are absent for the teacher itself.
struct ModelResult {
  std::string name;
  std::string model;
  std::vector<std::string> attention;  // per layer
  std::optional<Estimate> class_accuracy;
  std::optional<Estimate> direction_accuracy;
  std::optional<double> frechet_distance;  // to real test clips, in judge features
  std::optional<Estimate> psnr_db;         // to the teacher's video from the same noise
  std::optional<Estimate> ssim;
  Estimate flicker;
  std::optional<Estimate> pixel_diversity;      // mean_pair_distance of the videos of a prompt, in pixels (RMS)
  std::optional<double> pixel_diversity_share;  // of the teacher's
  std::optional<Estimate> feature_diversity;    // the same in the judge's features
  std::optional<double> feature_diversity_share;
  pipeline::SampleOptions sampling;
  double seconds_per_step = 0;     // wall time of one sampler step (both guidance branches), per video
  std::vector<at::Tensor> videos;  // the first videos_in_report, [3, F, H, W]
};

struct EvalResult {
  std::vector<std::string> prompts;
  std::vector<ModelResult> rows;              // teacher first
  std::optional<double> real_class_accuracy;  // of the judge on real test clips
  std::optional<double> real_direction_accuracy;
  double fps = 0;
  std::string device;
  std::string gate_plot;  // <svg> of the training's gates, if train_metrics is given
};

/// Generates every prompt with every model from the same noise and measures. Models distilled to few steps run as they
/// were distilled, with a warning where the config asks for something else. Shows progress.
EvalResult evaluate(const EvalConfig& config);

}  // namespace lintorch::eval
