#include <ATen/ops/tensor.h>
#include <fmt/ranges.h>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/version.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/media/image.h"
#include "lintorch/media/video_writer.h"
#include "lintorch/pipeline/generate_config.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::pipeline {

namespace {

/// The config with every null replaced by the model's own value: what is run and what is recorded.
GenerateConfig resolve(GenerateConfig config, const VideoModel& model) {
  const auto& defaults = model.defaults;
  if (!config.size) config.size = fmt::format("{}x{}", defaults.width, defaults.height);
  if (!config.frames) config.frames = defaults.frames;
  if (!config.steps) config.steps = defaults.steps;
  if (!config.guidance) config.guidance = defaults.guidance;
  if (!config.fps) config.fps = defaults.fps;
  if (!config.shift) config.shift = model.scheduler.flow_shift;
  if (!config.sampler) config.sampler = model.scheduler.sampler;
  if (!config.negative_prompt) config.negative_prompt = defaults.negative_prompt;
  return config;
}

at::Tensor read_latent_tensor(const std::string& path, const std::string& name, const std::vector<int64_t>& shape,
                              c10::Device device) {
  const io::SafetensorsFile file(path);
  LT_CHECK(file.tensors().contains(name), CheckpointError, "[generate_video] {} has no tensor \"{}\"", path, name);
  const auto latents = file.tensor(name);
  LT_CHECK(latents.dim() == 5 && latents.size(0) == 1 && latents.size(1) == shape[0], CheckpointError,
           "[generate_video] {}: expected {} of shape [1, {}, T, H, W], got {}", path, name, shape[0],
           fmt::format("{} dimensions with {} channels", latents.dim(), latents.dim() > 1 ? latents.size(1) : 0));
  return latents.to(device, at::kFloat);
}

at::Tensor initial_noise(const GenerateConfig& config, const std::vector<int64_t>& shape, c10::Device device) {
  if (!config.noise) return make_noise({static_cast<uint64_t>(config.seed)}, shape, device);
  const auto noise = read_latent_tensor(*config.noise, "noise", shape, device);
  LT_CHECK(noise.sizes().slice(1).equals(shape), CheckpointError,
           "[generate_video] {}: noise: expected [1, {}] for this size and number of frames, got [{}]", *config.noise,
           fmt::join(shape, ", "), fmt::join(noise.sizes(), ", "));
  return noise;
}

at::Tensor sample(VideoModel& model, const GenerateConfig& config, const std::vector<int64_t>& shape,
                  c10::Device device) {
  SampleOptions options;
  options.sampler = *config.sampler;
  options.sigma_convention = config.sigma_convention;
  options.steps = *config.steps;
  options.shift = *config.shift;
  options.guidance = *config.guidance;
  ProgressBar progress("sampling", options.steps);
  options.on_step = [&](const SampleStep& step) {
    synchronize(device);
    progress.update(step.index, fmt::format("t = {:.3f}", step.sigma));
  };
  const auto cond = encode_prompts(model, {config.prompt});
  const auto uncond = encode_prompts(model, {*config.negative_prompt});
  const auto noise = initial_noise(config, shape, device);
  auto latents = generate_latents(model.dit, cond, uncond, noise, options);
  synchronize(device);
  progress.update(options.steps);
  return latents;
}

}  // namespace

void generate_video(const GenerateConfig& requested) {
  LT_CHECK(!requested.model.empty(), ConfigError, "--model: expected a model folder");
  LT_CHECK(!requested.prompt.empty() || requested.latents, ConfigError, "--prompt: expected a text");
  media::check_video_path(requested.output);
  const auto device = resolve_device(requested.device);
  auto model = load_video_model(requested.model, dtype_from_name(requested.dtype), device, requested.components);
  model.dit->set_residual_format(requested.residual);
  const auto config = resolve(requested, model);
  const auto tiles = config.tiled_decode ? std::optional(config.tiles) : std::nullopt;
  if (tiles) tiles->validate("tiles", model.vae->spatial_factor());
  VideoSize size{0, 0, *config.frames};
  parse_size(*config.size, size.width, size.height);
  const auto shape = latent_shape(model, size);
  const Json parameters = config_to_json(config);

  at::Tensor latents;
  if (config.latents) {
    latents = read_latent_tensor(*config.latents, "latents", shape, device);
  } else {
    log_info("{} frames of {}x{}, {} tokens, on {}", size.frames, size.width, size.height, num_tokens(model, shape),
             device_description(device));
    latents = sample(model, config, shape, device);
  }
  if (config.save_latents)
    io::write_safetensors(*config.save_latents, {{"latents", latents}}, {{"parameters", parameters.dump()}});

  const auto video = decode_latents(model, latents, tiles);
  media::VideoOptions options;
  options.fps = *config.fps;
  options.metadata = {{"lintorch", version()}, {"commit", git_commit()}, {"parameters", parameters.dump()}};
  media::write_video(config.output, media::to_frames_u8(video[0]), options);
  log_info("wrote {}", config.output);
}

}  // namespace lintorch::pipeline
