#include "lintorch/eval/evaluate.h"

#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <cmath>

#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/rng.h"
#include "lintorch/eval/frechet_distance.h"
#include "lintorch/eval/judge_scores.h"
#include "lintorch/eval/video_metrics.h"
#include "lintorch/models/judge/judge_checkpoint.h"
#include "lintorch/pipeline/prompt_file.h"
#include "lintorch/pipeline/text_to_video.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::eval {

namespace fs = std::filesystem;
using pipeline::VideoModel;

namespace {

constexpr uint64_t kNoiseStream = 0x6576616c;  // "eval"

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
  pipeline::SampleOptions sample;
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
  ModelResult run(VideoModel& model, const std::string& name, std::vector<at::Tensor>& teacher_videos) const {
    ModelResult result;
    result.name = name;
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
      const auto [latents, elapsed] = sample(model, prompts, uncond, begin);
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
    result.seconds_per_step = timed > 0 ? seconds / static_cast<double>(timed * options_.sample.steps) : 0;
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
    return result;
  }

 private:
  std::pair<at::Tensor, double> sample(VideoModel& model, const std::vector<std::string>& prompts,
                                       const at::Tensor& uncond, int64_t first) const {
    std::vector<uint64_t> seeds;
    for (size_t i = 0; i < prompts.size(); ++i)
      seeds.push_back(mix_seed(static_cast<uint64_t>(config_.seed), kNoiseStream, static_cast<uint64_t>(first) + i));
    const auto cond = pipeline::encode_prompts(model, prompts);
    const auto noise = pipeline::make_noise(seeds, options_.latent_shape, device_);
    synchronize(device_);
    const auto begin = std::chrono::steady_clock::now();
    auto latents = pipeline::generate_latents(model.dit, cond, uncond, noise, options_.sample);
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
  options.sample.sampler = config.sampler.value_or(teacher.scheduler.sampler);
  options.sample.steps = config.steps.value_or(teacher.defaults.steps);
  options.sample.shift = config.shift.value_or(teacher.scheduler.flow_shift);
  options.sample.guidance = config.guidance.value_or(teacher.defaults.guidance);
  options.negative_prompt = teacher.defaults.negative_prompt;
  options.latent_shape = pipeline::latent_shape(
      teacher.dit->config(), teacher.vae->config(),
      {teacher.defaults.width, teacher.defaults.height, config.frames.value_or(teacher.defaults.frames)});
  return options;
}

}  // namespace

EvalResult evaluate(const EvalConfig& config) {
  c10::InferenceMode inference;
  const auto device = resolve_device(config.device);
  const auto dtype = dtype_from_name(config.dtype);
  auto teacher = pipeline::load_video_model(config.teacher, dtype, device);
  const RunOptions options = resolve_options(config, teacher);

  EvalResult result;
  result.prompts = pipeline::read_prompts(config.prompts);
  LT_CHECK(static_cast<int64_t>(result.prompts.size()) >= config.num_prompts, ConfigError,
           "[evaluate] num_prompts is {}, but {} holds {} prompts", config.num_prompts, config.prompts,
           result.prompts.size());
  result.prompts.resize(static_cast<size_t>(config.num_prompts));
  result.steps = options.sample.steps;
  result.guidance = options.sample.guidance;
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
  result.rows.push_back(evaluation.run(teacher, "teacher", teacher_videos));
  result.rows.back().model = config.teacher;
  for (const auto& candidate : config.candidates) {
    auto model = pipeline::load_video_model(candidate.model, dtype, device);
    result.rows.push_back(evaluation.run(model, candidate.name, teacher_videos));
    result.rows.back().model = candidate.model;
  }
  return result;
}

}  // namespace lintorch::eval
