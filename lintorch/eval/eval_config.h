#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/diffusion/sampler.h"

namespace lintorch::eval {

/// Of a row in names of files: what is neither a letter nor a digit becomes _.
std::string file_name(const std::string& row);

/// One model to compare with the teacher.
struct CandidateConfig {
  std::string name;
  std::string model;
  std::optional<int64_t> steps;
  std::optional<double> guidance;
  std::optional<double> shift;
  std::optional<diffusion::SamplerKind> sampler;
  std::optional<std::vector<double>> times;

  template <class V>
  void visit(V& v) {
    v("name", name, "row title in tables");
    v("model", model, "model folder");
    v("steps", steps,
      "sampler steps of this model; null = what it was distilled for, or else those of the evaluation, as the next "
      "keys");
    v("guidance", guidance, "guidance scale");
    v("shift", shift, "flow shift");
    v("sampler", sampler, "euler, unipc or renoise");
    v("times", times, "euler, renoise: flow times of the steps");
  }
};

/// lintorch-eval: a teacher and its descendants from the same prompts and the same noise.
struct EvalConfig {
  std::string teacher;
  std::vector<CandidateConfig> candidates;
  std::optional<std::string> judge;
  std::string prompts;
  int64_t num_prompts = 64;
  std::optional<std::string> train_metrics;
  std::string output = "eval";
  std::optional<int64_t> steps;
  std::optional<double> guidance;
  std::optional<double> shift;
  std::optional<int64_t> frames;
  std::optional<diffusion::SamplerKind> sampler;
  int64_t batch_size = 8;
  int64_t seed = 0;
  int64_t videos_in_report = 6;
  int64_t videos_per_prompt = 1;
  int64_t diversity_prompts = 64;
  std::string device = "auto";
  std::string dtype = "fp32";

  template <class V>
  void visit(V& v) {
    v("teacher", teacher, "model folder of the teacher");
    v("candidates", candidates,
      "models compared with it: [{name, model, and steps, guidance, shift, sampler, times where they are not the "
      "evaluation's}, ...]; a model distilled to few steps runs as it was distilled");
    v("judge", judge, "judge folder (with the statistics of real test clips); null = the teacher's judge/");
    v("prompts", prompts, "text file, one prompt per line; judge figures need the captions of Moving Fashion");
    v("num_prompts", num_prompts, "prompts used (from the start of the file)");
    v("train_metrics", train_metrics, "metrics.jsonl of the training run, for the plot of the gates; null = no plot");
    v("output", output, "folder for report.html, report.json and videos/");
    v("steps", steps, "sampler steps; null = the teacher's default");
    v("guidance", guidance, "guidance scale; null = the teacher's default");
    v("shift", shift, "flow shift; null = the teacher's scheduler");
    v("frames", frames, "pixel frames; null = the teacher's default");
    v("sampler", sampler, "euler, unipc or renoise; null = the teacher's");
    v("batch_size", batch_size, "videos sampled together");
    v("seed", seed, "noise of prompt i is seeded by (seed, i)");
    v("videos_in_report", videos_in_report, "prompts shown side by side");
    v("videos_per_prompt", videos_per_prompt,
      "videos of one prompt, from different noise, whose mean pairwise distance is the diversity; 1 = not measured");
    v("diversity_prompts", diversity_prompts, "prompts on which diversity is measured (from the start of the file)");
    v("device", device, "auto, cpu, cuda, cuda:N");
    v("dtype", dtype, "fp32 or bf16");
  }
  void validate(const std::string& path) const;
};

}  // namespace lintorch::eval
