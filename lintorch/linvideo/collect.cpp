#include "lintorch/linvideo/collect.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <chrono>

#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/rng.h"
#include "lintorch/linvideo/fingerprint.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "lintorch/pipeline/prompt_file.h"
#include "lintorch/pipeline/text_to_video.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::linvideo {

namespace fs = std::filesystem;

namespace {

constexpr auto kConvention = diffusion::SigmaConvention::kWan;

TrajectoryManifest make_request(const pipeline::VideoModel& teacher, const CollectConfig& config) {
  TrajectoryManifest m;
  m.format_version = TrajectoryManifest::kFormatVersion;
  m.teacher = teacher_fingerprint(config.model);
  const auto sampler_kind = config.sampler.value_or(teacher.scheduler.sampler);
  m.sampler = enum_name(sampler_kind);
  m.steps = config.steps.value_or(teacher.defaults.steps);
  m.shift = config.shift.value_or(teacher.scheduler.flow_shift);
  m.guidance = config.guidance.value_or(teacher.defaults.guidance);
  m.negative_prompt = config.negative_prompt.value_or(teacher.defaults.negative_prompt);
  m.seed = config.seed;
  m.width = teacher.defaults.width;
  m.height = teacher.defaults.height;
  if (config.size) pipeline::parse_size(*config.size, m.width, m.height);
  m.frames = config.frames.value_or(teacher.defaults.frames);
  m.latent_shape = pipeline::latent_shape(teacher.dit->config(), teacher.vae->config(), {m.width, m.height, m.frames});
  m.storage_dtype = config.storage_dtype;
  m.content = config.content;
  m.compute_dtype = config.dtype;
  const auto sampler = diffusion::make_sampler(sampler_kind, m.steps, m.shift, kConvention);
  m.sigmas = sampler->sigmas();
  for (int64_t i = 0; i < m.steps; ++i) m.timesteps.push_back(sampler->timestep(i));
  m.prompts = pipeline::read_prompts(config.prompts);
  m.trajectories = config.num_trajectories > 0 ? config.num_trajectories : static_cast<int64_t>(m.prompts.size());
  m.trajectories_per_shard = config.trajectories_per_shard;
  m.batch_size = config.batch_size;
  return m;
}

/// Runs the sampler for trajectories [first, first + count) as one batch.
std::vector<Trajectory> sample_batch(pipeline::VideoModel& teacher, const TrajectoryManifest& m, int64_t first,
                                     int64_t count, const at::Tensor& uncond_BSD, ProgressBar& bar, int64_t done) {
  std::vector<std::string> prompts;
  std::vector<uint64_t> seeds;
  for (int64_t i = first; i < first + count; ++i) {
    prompts.push_back(m.prompt_of(i));
    seeds.push_back(mix_seed(static_cast<uint64_t>(m.seed), static_cast<uint64_t>(i)));
  }
  const at::Tensor text_BSD = pipeline::encode_prompts(teacher, prompts);
  const at::Tensor noise = pipeline::make_noise(seeds, m.latent_shape, text_BSD.device());

  const auto dtype = dtype_from_name(m.storage_dtype);
  const auto keep = [&](const at::Tensor& tensor) { return tensor.to(dtype).to(at::kCPU); };
  std::vector<at::Tensor> x, u_cond, u_uncond;
  pipeline::SampleOptions options;
  options.sampler = enum_from_name<diffusion::SamplerKind>(m.sampler, "sampler");
  options.sigma_convention = kConvention;
  options.steps = m.steps;
  options.shift = m.shift;
  options.guidance = m.guidance;
  options.on_step = [&](const pipeline::SampleStep& step) {
    x.push_back(keep(step.x_BCTHW));
    if (m.has_velocities()) u_cond.push_back(keep(step.velocity_BCTHW));
    if (m.has_velocities() && m.has_unconditional()) u_uncond.push_back(keep(step.uncond_velocity_BCTHW));
    bar.update(done * m.steps + count * (step.index + 1));
  };
  x.push_back(keep(pipeline::generate_latents(teacher.dit, text_BSD, uncond_BSD, noise, options)));

  const at::Tensor x_BICTHW = at::stack(x, 1);
  const auto stacked = [](const std::vector<at::Tensor>& steps) {
    return steps.empty() ? at::Tensor() : at::stack(steps, 1);
  };
  const at::Tensor u_cond_BICTHW = stacked(u_cond), u_uncond_BICTHW = stacked(u_uncond);
  const auto sample = [](const at::Tensor& batch, int64_t b) { return batch.defined() ? batch[b] : at::Tensor(); };
  std::vector<Trajectory> trajectories;
  for (int64_t b = 0; b < count; ++b)
    trajectories.push_back({x_BICTHW[b], sample(u_cond_BICTHW, b), sample(u_uncond_BICTHW, b), keep(text_BSD[b])});
  return trajectories;
}

}  // namespace

void check_prompt_lengths(const umt5::Tokenizer& tokenizer, const std::vector<std::string>& prompts) {
  for (const auto& prompt : prompts) {
    const int64_t length = tokenizer.encode({prompt}).mask_BS.sum().item<int64_t>();
    LT_CHECK(length < tokenizer.max_length(), ConfigError,
             "[check_prompt_lengths] prompt \"{}...\" is too long: expected fewer than {} tokens", prompt.substr(0, 40),
             tokenizer.max_length());
  }
}

CollectSummary collect_trajectories(const CollectConfig& config) {
  const auto device = resolve_device(config.device);
  auto teacher = pipeline::load_video_model(config.model, dtype_from_name(config.dtype), device);
  return collect_trajectories(teacher, config);
}

CollectSummary collect_trajectories(pipeline::VideoModel& teacher, const CollectConfig& config) {
  config.validate("");
  const auto begin = std::chrono::steady_clock::now();
  const TrajectoryManifest request = make_request(teacher, config);
  check_prompt_lengths(*teacher.tokenizer, request.prompts);
  const at::Tensor uncond_BSD = pipeline::encode_prompts(teacher, {request.negative_prompt});

  const auto text_element_bytes = static_cast<int64_t>(c10::elementSize(dtype_from_name(request.storage_dtype)));
  const int64_t trajectory_bytes = request.trajectory_bytes() + uncond_BSD.numel() * text_element_bytes;
  int64_t present = 0;
  if (fs::exists(fs::path(config.output) / "manifest.json"))
    for (const auto& shard : read_manifest(config.output).shards) present += shard.trajectories;
  check_free_space(config.output, trajectory_bytes * std::max<int64_t>(0, request.trajectories - present),
                   "make room, choose another output, or lower num_trajectories");
  TrajectoryWriter writer(config.output, request, uncond_BSD[0]);

  CollectSummary summary;
  summary.trajectories = request.trajectories;
  ProgressBar bar("collecting", request.trajectories * request.steps);
  int64_t done = 0;
  for (int64_t shard = 0; shard < request.num_shards(); ++shard) {
    const int64_t count = request.shard_trajectories(shard);
    if (writer.has_shard(shard)) {
      summary.reused += count;
      done += count;
      continue;
    }
    std::vector<Trajectory> trajectories;
    for (int64_t offset = 0; offset < count; offset += request.batch_size) {
      const int64_t size = std::min(request.batch_size, count - offset);
      auto batch =
          sample_batch(teacher, request, shard * request.trajectories_per_shard + offset, size, uncond_BSD, bar, done);
      std::move(batch.begin(), batch.end(), std::back_inserter(trajectories));
      done += size;
    }
    writer.write_shard(shard, trajectories);
  }
  bar.update(request.trajectories * request.steps);
  for (const auto& record : writer.manifest().shards) summary.bytes += record.bytes;
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  log_info("{} trajectories of {} steps ({} from an earlier run), {:.1f} MB in {}", summary.trajectories, request.steps,
           summary.reused, summary.bytes / 1e6, config.output);
  return summary;
}

}  // namespace lintorch::linvideo
