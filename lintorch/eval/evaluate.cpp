#include "lintorch/eval/evaluate.h"

#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <cmath>

#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/rng.h"
#include "lintorch/eval/diversity.h"
#include "lintorch/eval/frechet_distance.h"
#include "lintorch/eval/gate_trajectories.h"
#include "lintorch/eval/judge_scores.h"
#include "lintorch/eval/video_metrics.h"
#include "lintorch/models/judge/judge_checkpoint.h"
#include "lintorch/pipeline/prompt_file.h"
#include "lintorch/pipeline/sampling_choice.h"
#include "lintorch/pipeline/text_to_video.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::eval {

namespace fs = std::filesystem;
using pipeline::VideoModel;

namespace {

constexpr uint64_t kNoiseStream = 0x6576616c;  // "eval"
constexpr uint64_t kVideoStream = 0x766964;    // "vid"

Estimate estimate(const std::vector<double>& values) {
  Estimate result;
  result.count = static_cast<int64_t>(values.size());
  for (const double value : values) result.mean += value / static_cast<double>(values.size());
  double variance = 0;
  for (const double value : values) variance += (value - result.mean) * (value - result.mean);
  if (values.size() > 1) {
    variance /= static_cast<double>(values.size() - 1);
    result.half_width = 1.96 * std::sqrt(variance / static_cast<double>(values.size()));
  }
  return result;
}

struct RunOptions {
  std::vector<int64_t> latent_shape;
  std::string negative_prompt;
};

/// Videos of one model, judged and measured against the teacher's (videos as the teacher's pass left them).
class ModelEvaluation {
 public:
  ModelEvaluation(const EvalConfig& config, const std::vector<std::string>& prompts, const RunOptions& options,
                  judge::Judge& judge, c10::Device device)
      : config_(config), prompts_(prompts), options_(options), judge_(judge), device_(device) {}

  /// `teacher_videos` is filled when empty, compared with otherwise.
  ModelResult run(VideoModel& model, const std::string& name, const pipeline::SampleOptions& sampling,
                  std::vector<at::Tensor>& teacher_videos) const {
    ModelResult result;
    result.name = name;
    result.sampling = sampling;
    for (int64_t layer = 0; layer < model.dit->num_layers(); ++layer)
      result.attention.emplace_back(enum_name(model.dit->config().attention_of(layer)));
    const bool is_teacher = teacher_videos.empty();
    const auto uncond = pipeline::encode_prompts(model, {options_.negative_prompt});
    std::vector<double> psnrs, ssims, flickers;
    JudgeTally tally;
    double seconds = 0;
    int64_t timed = 0;
    const auto total = static_cast<int64_t>(prompts_.size());
    ProgressBar progress("evaluating " + name, total);
    for (int64_t begin = 0; begin < total; begin += config_.batch_size) {
      const int64_t end = std::min(total, begin + config_.batch_size);
      const std::vector<std::string> prompts(prompts_.begin() + begin, prompts_.begin() + end);
      std::vector<uint64_t> seeds;
      for (int64_t i = begin; i < end; ++i) seeds.push_back(video_seed(i, 0));
      const auto [latents, elapsed] = sample(model, prompts, uncond, seeds, sampling);
      // The first batch warms up allocators and kernels, so it is timed only if it is the only one.
      if (begin > 0 || end == total) {
        seconds += elapsed;
        timed += end - begin;
      }
      const auto videos = pipeline::decode_latents(model, latents);
      if (judge_) judge_videos(judge_, videos, prompts, tally);
      for (int64_t i = 0; i < end - begin; ++i) {
        const auto video = videos[i];
        flickers.push_back(temporal_flicker(video));
        if (is_teacher) {
          teacher_videos.push_back(video.to(at::kHalf));
        } else {
          const auto reference = teacher_videos[static_cast<size_t>(begin + i)].to(at::kFloat);
          // Half precision of the kept teacher videos bounds PSNR near 70 dB.
          psnrs.push_back(psnr(video.to(at::kHalf).to(at::kFloat), reference));
          ssims.push_back(ssim(video, reference));
        }
        if (begin + i < config_.videos_in_report) result.videos.push_back(video.to(at::kCPU));
      }
      progress.update(end);
    }
    result.flicker = estimate(flickers);
    result.seconds_per_step = timed > 0 ? seconds / static_cast<double>(timed * sampling.steps) : 0;
    if (!is_teacher) {
      result.psnr_db = estimate(psnrs);
      result.ssim = estimate(ssims);
    }
    if (judge_) {
      if (!tally.class_hits.empty()) {
        result.class_accuracy = estimate(tally.class_hits);
        result.direction_accuracy = estimate(tally.direction_hits);
      }
      result.frechet_distance =
          frechet_distance(feature_statistics(at::cat(tally.features)), real_clip_statistics(judge_));
    }
    if (config_.videos_per_prompt > 1) measure_diversity(model, uncond, sampling, result);
    return result;
  }

 private:
  /// Several videos of each of the first prompts.
  void measure_diversity(VideoModel& model, const at::Tensor& uncond, const pipeline::SampleOptions& sampling,
                         ModelResult& result) const {
    const int64_t videos = config_.videos_per_prompt;
    const int64_t at_once = std::max<int64_t>(1, config_.batch_size / videos);
    std::vector<double> pixels, features;
    ProgressBar progress("diversity of " + result.name, config_.diversity_prompts);
    for (int64_t begin = 0; begin < config_.diversity_prompts; begin += at_once) {
      const int64_t end = std::min(config_.diversity_prompts, begin + at_once);
      std::vector<std::string> prompts;
      std::vector<uint64_t> seeds;
      for (int64_t i = begin; i < end; ++i)
        for (int64_t v = 0; v < videos; ++v) {
          prompts.push_back(prompts_[static_cast<size_t>(i)]);
          seeds.push_back(video_seed(i, v));
        }
      const auto decoded = pipeline::decode_latents(model, sample(model, prompts, uncond, seeds, sampling).first);
      for (const auto& video : decoded.split(videos)) pixels.push_back(mean_pair_rms(video));
      if (judge_)
        for (const auto& feature : judge_->forward(decoded).features.split(videos))
          features.push_back(mean_pair_distance(feature));
      progress.update(end);
    }
    result.pixel_diversity = estimate(pixels);
    if (judge_) result.feature_diversity = estimate(features);
  }

  /// Of the noise of a prompt's video; video 0 is the one that all other figures are taken from.
  uint64_t video_seed(int64_t prompt, int64_t video) const {
    const uint64_t seed = mix_seed(static_cast<uint64_t>(config_.seed), kNoiseStream, static_cast<uint64_t>(prompt));
    return video == 0 ? seed : mix_seed(seed, kVideoStream, static_cast<uint64_t>(video));
  }

  std::pair<at::Tensor, double> sample(VideoModel& model, const std::vector<std::string>& prompts,
                                       const at::Tensor& uncond, const std::vector<uint64_t>& seeds,
                                       pipeline::SampleOptions sampling) const {
    const auto cond = pipeline::encode_prompts(model, prompts);
    const auto noise = pipeline::make_noise(seeds, options_.latent_shape, device_);
    sampling.noise_seeds = seeds;
    synchronize(device_);
    const auto begin = std::chrono::steady_clock::now();
    auto latents = pipeline::generate_latents(model.dit, cond, uncond, noise, sampling);
    synchronize(device_);
    return {latents, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()};
  }

  const EvalConfig& config_;
  const std::vector<std::string>& prompts_;
  const RunOptions& options_;
  judge::Judge& judge_;
  c10::Device device_;
};

RunOptions resolve_options(const EvalConfig& config, const VideoModel& teacher) {
  RunOptions options;
  options.negative_prompt = teacher.defaults.negative_prompt;
  options.latent_shape = pipeline::latent_shape(
      teacher.dit->config(), teacher.vae->config(),
      {teacher.defaults.width, teacher.defaults.height, config.frames.value_or(teacher.defaults.frames)});
  return options;
}

/// The candidate's own keys first; then what it was distilled for, or else the evaluation's keys and the teacher's settings.
pipeline::SampleOptions sampling_of(const CandidateConfig& candidate, const VideoModel& model, const EvalConfig& config,
                                    const VideoModel& teacher) {
  pipeline::SamplingRequest request{candidate.sampler, candidate.steps, candidate.shift, candidate.guidance,
                                    candidate.times};
  if (model.defaults.few_steps) {
    const auto sampling = pipeline::choose_sampling(request, model.scheduler, model.defaults);
    for (const auto& line : pipeline::distillation_mismatches(sampling, model.defaults))
      log_warning("{}: {}", candidate.name, line);
    return sampling;
  }
  if (!request.sampler) request.sampler = config.sampler;
  if (!request.steps && !request.times) request.steps = config.steps;
  if (!request.shift) request.shift = config.shift;
  if (!request.guidance) request.guidance = config.guidance;
  return pipeline::choose_sampling(request, teacher.scheduler, teacher.defaults);
}

std::optional<double> share(const std::optional<Estimate>& value, const std::optional<Estimate>& of) {
  if (!value || !of || of->mean == 0) return std::nullopt;
  return value->mean / of->mean;
}

}  // namespace

EvalResult evaluate(const EvalConfig& config) {
  c10::InferenceMode inference;
  // What can be wrong is found before the first video is sampled.
  for (const auto& candidate : config.candidates) pipeline::open_video_model(candidate.model);
  EvalResult result;
  if (config.train_metrics) result.gate_plot = gate_plot(*config.train_metrics);
  create_folder(config.output);
  const auto device = resolve_device(config.device);
  const auto dtype = dtype_from_name(config.dtype);
  auto teacher = pipeline::load_video_model(config.teacher, dtype, device);
  const RunOptions options = resolve_options(config, teacher);
  result.prompts = pipeline::read_prompts(config.prompts);
  LT_CHECK(static_cast<int64_t>(result.prompts.size()) >= config.num_prompts, ConfigError,
           "[evaluate] num_prompts is {}, but {} holds {} prompts", config.num_prompts, config.prompts,
           result.prompts.size());
  result.prompts.resize(static_cast<size_t>(config.num_prompts));
  result.fps = teacher.defaults.fps;
  result.device = device_description(device);

  judge::Judge judge{nullptr};
  const fs::path judge_folder = config.judge ? fs::path(*config.judge) : fs::path(config.teacher) / "judge";
  if (config.judge || fs::exists(judge_folder)) {
    judge = judge::load_judge(judge_folder, device);
    result.real_class_accuracy = judge->config().class_accuracy;
    result.real_direction_accuracy = judge->config().direction_accuracy;
  } else {
    log_warning("no judge in {}: accuracies and Frechet distance are left out", judge_folder.string());
  }

  const ModelEvaluation evaluation(config, result.prompts, options, judge, device);
  std::vector<at::Tensor> teacher_videos;
  result.rows.push_back(evaluation.run(
      teacher, "teacher", sampling_of({.name = "teacher", .model = config.teacher}, teacher, config, teacher),
      teacher_videos));
  result.rows.back().model = config.teacher;
  for (const auto& candidate : config.candidates) {
    auto model = pipeline::load_video_model(candidate.model, dtype, device);
    result.rows.push_back(
        evaluation.run(model, candidate.name, sampling_of(candidate, model, config, teacher), teacher_videos));
    ModelResult& row = result.rows.back();
    row.model = candidate.model;
    row.pixel_diversity_share = share(row.pixel_diversity, result.rows.front().pixel_diversity);
    row.feature_diversity_share = share(row.feature_diversity, result.rows.front().feature_diversity);
  }
  return result;
}

}  // namespace lintorch::eval
