#include "lintorch/linvideo/teacher_sampling.h"

#include <ATen/Functions.h>

#include "lintorch/core/dtype.h"
#include "lintorch/core/rng.h"
#include "lintorch/linvideo/fingerprint.h"
#include "lintorch/pipeline/prompt_file.h"
#include "lintorch/pipeline/text_to_video.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::linvideo {

namespace {

constexpr auto kConvention = diffusion::SigmaConvention::kWan;

}  // namespace

TrajectoryManifest trajectory_request(const pipeline::VideoModel& teacher, const CollectConfig& config) {
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
  const auto size = pipeline::choose_size(teacher.defaults, config.size, config.frames);
  m.width = size.width;
  m.height = size.height;
  m.frames = size.frames;
  m.latent_shape = pipeline::latent_shape(teacher.dit->config(), teacher.vae->config(), size);
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

std::vector<Trajectory> sample_trajectories(wan::WanDit& dit, const TrajectoryManifest& m,
                                            const std::vector<int64_t>& trajectories, const at::Tensor& text_BSD,
                                            const at::Tensor& uncond_BSD, const std::function<void(int64_t)>& on_step) {
  std::vector<uint64_t> seeds;
  for (const int64_t i : trajectories)
    seeds.push_back(mix_seed(static_cast<uint64_t>(m.seed), static_cast<uint64_t>(i)));
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
    if (on_step) on_step(step.index);
  };
  x.push_back(keep(pipeline::generate_latents(dit, text_BSD, uncond_BSD, noise, options)));

  const at::Tensor x_BICTHW = at::stack(x, 1);
  const auto stacked = [](const std::vector<at::Tensor>& steps) {
    return steps.empty() ? at::Tensor() : at::stack(steps, 1);
  };
  const at::Tensor u_cond_BICTHW = stacked(u_cond), u_uncond_BICTHW = stacked(u_uncond);
  const auto sample = [](const at::Tensor& batch, int64_t b) { return batch.defined() ? batch[b] : at::Tensor(); };
  std::vector<Trajectory> result;
  for (int64_t b = 0; b < static_cast<int64_t>(trajectories.size()); ++b)
    result.push_back({x_BICTHW[b], sample(u_cond_BICTHW, b), sample(u_uncond_BICTHW, b), keep(text_BSD[b])});
  return result;
}

}  // namespace lintorch::linvideo
