#include <ATen/ops/tensor.h>
#include <fmt/ranges.h>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/date.h"
#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/version.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/media/image.h"
#include "lintorch/media/video_writer.h"
#include "lintorch/pipeline/generate_config.h"
#include "lintorch/pipeline/sampling_choice.h"
#include "lintorch/pipeline/stage_costs.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::pipeline {

namespace {

/// The config with every null replaced by the model's own value: what is run and what is recorded.
GenerateConfig resolve(GenerateConfig config, const ModelSource& model) {
  const auto& defaults = model.defaults;
  if (!config.size) config.size = fmt::format("{}x{}", defaults.width, defaults.height);
  if (!config.frames) config.frames = defaults.frames;
  if (!config.fps) config.fps = defaults.fps;
  const SampleOptions sampling = choose_sampling(
      {config.sampler, config.steps, config.shift, config.guidance, config.times}, model.scheduler, defaults);
  for (const auto& line : distillation_mismatches(sampling, defaults)) log_warning("{}", line);
  config.steps = sampling.steps;
  config.guidance = sampling.guidance;
  config.shift = sampling.shift;
  config.sampler = sampling.sampler;
  if (!sampling.times.empty()) config.times = sampling.times;
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

/// The parts of one generation, each on the device while it is needed.
class Generation {
 public:
  Generation(const GenerateConfig& config, const ModelSource& source, c10::Device device)
      : config_(config), source_(source), device_(device), costs_(device) {
    model_.tokenizer = source.tokenizer;
    if (config_.offload == OffloadKind::kNone) {
      if (!config_.latents) load_text_encoder(), load_transformer();
      load_vae();
    }
  }

  at::Tensor sample(const at::Tensor& noise) {
    if (!model_.text_encoder) load_text_encoder();
    const bool guided = *config_.guidance != 1.0;
    warn_if_cut("prompt", config_.prompt);
    if (guided) warn_if_cut("negative_prompt", *config_.negative_prompt);
    const auto [cond, uncond] = costs_.run("text encoder", [&] {
      return std::pair(encode_prompts(model_, {config_.prompt}),
                       guided ? encode_prompts(model_, {*config_.negative_prompt}) : at::Tensor());
    });
    done_with(model_.text_encoder);
    if (!model_.dit) load_transformer();
    auto latents = costs_.run("transformer", [&] { return sample(cond, uncond, noise); });
    done_with(model_.dit);
    return latents;
  }

  at::Tensor decode(const at::Tensor& latents) {
    if (!model_.vae) load_vae();
    const auto tiles = wants_tiles(latents) ? std::optional(config_.tiles) : std::nullopt;
    auto frames =
        costs_.run("autoencoder", [&] { return media::to_frames_u8(decode_latents(model_, latents, tiles)[0]); });
    done_with(model_.vae);
    return frames;
  }

  StageCosts& costs() { return costs_; }

 private:
  void warn_if_cut(const char* key, const std::string& text) const {
    const int64_t length = model_.tokenizer->num_tokens(text), most = model_.tokenizer->max_length();
    if (length > most) log_warning("{}: {} tokens; the model reads {}, the end is left out", key, length, most);
  }
  void load_text_encoder() {
    costs_.run("load text encoder", [&] {
      model_.text_encoder = umt5::load_umt5(source_.text_encoder, dtype_from_name(config_.dtype), device_);
    });
  }
  void load_transformer() {
    costs_.run("load transformer", [&] {
      model_.dit = wan::load_wan_dit(source_.dit, dtype_from_name(config_.dtype), device_);
      model_.dit->set_residual_format(config_.residual);
      wan::quantize_wan_dit(model_.dit, config_.fp8);
      if (config_.fp8 != wan::Fp8Layers::kNone)
        log_info("FP8 matrix products: {}; the result is not that of {}", enum_name(config_.fp8), config_.dtype);
      if (config_.fp8_attention)
        log_info("FP8 attention in {} of {} layers, all with softmax; the result is not that of {}",
                 wan::set_fp8_attention(model_.dit, true), model_.dit->num_layers(), config_.dtype);
    });
  }
  void load_vae() {
    costs_.run("load autoencoder",
               [&] { model_.vae = wan::load_wan_vae(source_.vae, dtype_from_name(config_.vae_dtype), device_); });
  }

  bool wants_tiles(const at::Tensor& latents) const {
    if (config_.tiled_decode) return *config_.tiled_decode;
    const auto& vae = source_.vae.config;
    const int64_t needed =
        wan::decode_memory_bytes(vae, latents.size(3) * vae.spatial_factor(), latents.size(4) * vae.spatial_factor(),
                                 static_cast<int64_t>(c10::elementSize(dtype_from_name(config_.vae_dtype))));
    const int64_t available = available_memory_bytes(device_);
    if (needed <= available) return false;
    log_info("decoding in tiles: the whole picture needs about {:.1f} GiB, {:.1f} GiB are free (tiled_decode)",
             static_cast<double>(needed) / (1 << 30), static_cast<double>(available) / (1 << 30));
    return true;
  }

  template <class Part>
  void done_with(Part& part) {
    if (config_.offload == OffloadKind::kNone) return;
    part = nullptr;
    release_cached_memory(device_);
  }

  at::Tensor sample(const at::Tensor& cond, const at::Tensor& uncond, const at::Tensor& noise) {
    SampleOptions options;
    options.sampler = *config_.sampler;
    options.sigma_convention = config_.sigma_convention;
    options.steps = *config_.steps;
    options.shift = *config_.shift;
    options.guidance = *config_.guidance;
    options.times = config_.times.value_or(std::vector<double>());
    options.noise_seeds = {static_cast<uint64_t>(config_.seed)};
    ProgressBar progress("sampling", options.steps);
    options.on_step = [&](const SampleStep& step) {
      synchronize(device_);
      progress.update(step.index, fmt::format("t = {:.3f}", step.sigma));
    };
    auto latents = generate_latents(model_.dit, cond, uncond, noise, options);
    synchronize(device_);
    progress.update(options.steps);
    return latents;
  }

  const GenerateConfig& config_;
  const ModelSource& source_;
  c10::Device device_;
  VideoModel model_;
  StageCosts costs_;
};

}  // namespace

void generate_video(const GenerateConfig& requested) {
  LT_CHECK(!requested.model.empty(), ConfigError, "--model: expected a model folder");
  LT_CHECK(!requested.prompt.empty() || requested.latents, ConfigError, "--prompt: expected a text");
  media::check_video_path(requested.output);
  prepare_file(requested.output);
  if (requested.save_latents) prepare_file(*requested.save_latents);
  if (requested.report) prepare_file(*requested.report);
  const auto device = resolve_device(requested.device);
  const auto source = open_video_model(requested.model, requested.components);
  const auto config = resolve(requested, source);
  if (config.tiled_decode.value_or(true)) config.tiles.validate("tiles", source.vae.config.spatial_factor());
  VideoSize size{0, 0, *config.frames};
  parse_size(*config.size, size.width, size.height);
  const auto shape = latent_shape(source.dit.config, source.vae.config, size);
  const Json parameters = config_to_json(config);
  const at::Tensor start = config.latents ? read_latent_tensor(*config.latents, "latents", shape, device)
                                          : initial_noise(config, shape, device);

  Generation generation(config, source, device);
  at::Tensor latents = start;
  if (!config.latents) {
    log_info("{} frames of {}x{}, {} tokens, on {}", size.frames, size.width, size.height,
             num_tokens(source.dit.config, shape), device_description(device));
    latents = generation.sample(start);
    LT_CHECK(latents.isfinite().all().item<bool>(), Error,
             "[generate_video] the sampled latents are not finite: {} has such weights, or overflows in {}",
             config.model, config.dtype);
  }
  if (config.save_latents)
    io::write_safetensors(*config.save_latents, {{"latents", latents}}, {{"parameters", parameters.dump()}});

  const auto frames = generation.decode(latents);
  media::VideoOptions options;
  options.fps = *config.fps;
  options.metadata = {{"lintorch", version()}, {"commit", git_commit()}, {"parameters", parameters.dump()}};
  generation.costs().run("video file", [&] { media::write_video(config.output, frames, options); });
  log_info("wrote {}\n{}", config.output, generation.costs().table());
  if (config.report) {
    Json report = generation.costs().json();
    report["commit"] = git_commit();
    report["date"] = today();
    report["parameters"] = parameters;
    write_json_file(*config.report, report);
  }
}

}  // namespace lintorch::pipeline
