#include "lintorch/pipeline/video_model.h"

#include <fmt/ranges.h>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/device.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/pipeline/sampling_choice.h"

namespace lintorch::pipeline {

namespace fs = std::filesystem;

namespace {

// Of wan/configs and generate.py in Wan's repository.
constexpr double kWanFlowShift = 5.0;
constexpr const char* kWanNegativePrompt =
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，"
    "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，"
    "静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走";

}  // namespace

void FewStepDefaults::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  check_times(times, at("times"));
  LT_CHECK(shift > 0, ConfigError, "{}: expected a positive number, got {}", at("shift"), shift);
  LT_CHECK(sampler != diffusion::SamplerKind::kUniPc, ConfigError, "{}: expected renoise or euler, got unipc",
           at("sampler"));
}

Json model_index_json(const GenerationDefaults& defaults) {
  return Json{{"_class_name", "WanPipeline"},
              {"_diffusers_version", "0.35.0"},
              {"_lintorch", {{"defaults", config_to_json(defaults)}}},
              {"scheduler", {"diffusers", "UniPCMultistepScheduler"}},
              {"text_encoder", {"transformers", "UMT5EncoderModel"}},
              {"tokenizer", {"transformers", "T5TokenizerFast"}},
              {"transformer", {"diffusers", "WanTransformer3DModel"}},
              {"vae", {"diffusers", "AutoencoderKLWan"}}};
}

GenerationDefaults read_generation_defaults(const fs::path& folder) {
  const Json index = read_json_file(folder / "model_index.json");
  LT_CHECK(index.is_object() && index.value("_class_name", "") == "WanPipeline", CheckpointError,
           "[load_video_model] {}/model_index.json: expected _class_name \"WanPipeline\", got {}", folder.string(),
           index.is_object() && index.contains("_class_name") ? index["_class_name"].dump() : "none");
  GenerationDefaults defaults;
  if (index.contains("_lintorch") && index["_lintorch"].contains("defaults"))
    read_config_value(index["_lintorch"]["defaults"], defaults, "model_index.json: _lintorch.defaults");
  return defaults;
}

std::pair<diffusion::SchedulerConfig, GenerationDefaults> read_generation_settings(const fs::path& folder,
                                                                                   ModelLayout layout) {
  if (layout == ModelLayout::kDiffusers)
    return {diffusion::read_scheduler_config(folder / "scheduler"), read_generation_defaults(folder)};
  diffusion::SchedulerConfig scheduler;
  scheduler.flow_shift = kWanFlowShift;
  GenerationDefaults defaults;
  defaults.negative_prompt = kWanNegativePrompt;
  if (const fs::path extras = folder / kOriginalExtrasFile; fs::exists(extras)) {
    const Json json = read_json_file(extras);
    const std::string where = extras.string() + ":";
    LT_CHECK(json.is_object() && json.contains("scheduler") && json.contains("defaults"), ConfigError,
             "{} expected the keys scheduler and defaults", where);
    scheduler = diffusion::SchedulerConfig::from_json(json["scheduler"], where + " scheduler");
    read_config_value(json["defaults"], defaults, where + " defaults");
  }
  return {scheduler, defaults};
}

ModelSource open_video_model(const fs::path& folder, const ComponentPaths& replaced) {
  const ModelParts parts = find_model_parts(folder, replaced);
  log_info("{}: model in the {} layout", folder.string(), enum_name(parts.layout));
  ModelSource source;
  std::tie(source.scheduler, source.defaults) = read_generation_settings(folder, parts.layout);
  source.dit = wan::open_wan_dit(parts.transformer);
  source.vae = wan::open_wan_vae(parts.vae);
  source.text_encoder = umt5::open_umt5(parts.text_encoder);
  source.tokenizer = std::make_shared<const umt5::Tokenizer>(umt5::Tokenizer::load(parts.tokenizer));
  LT_CHECK(source.dit.config.in_channels == source.vae.config.z_dim, CheckpointError,
           "[load_video_model] {}: transformer in_channels is {}, but the VAE has {} latent channels", folder.string(),
           source.dit.config.in_channels, source.vae.config.z_dim);
  LT_CHECK(source.dit.config.text_dim == source.text_encoder.config.d_model, CheckpointError,
           "[load_video_model] {}: transformer text_dim is {}, but the text encoder has d_model {}", folder.string(),
           source.dit.config.text_dim, source.text_encoder.config.d_model);
  return source;
}

VideoModel load_video_model(const fs::path& folder, at::ScalarType dtype, c10::Device device,
                            const ComponentPaths& replaced) {
  const ModelSource source = open_video_model(folder, replaced);
  VideoModel model;
  model.dit = wan::load_wan_dit(source.dit, dtype, device);
  model.vae = wan::load_wan_vae(source.vae, at::kFloat, device);
  model.text_encoder = umt5::load_umt5(source.text_encoder, dtype, device);
  model.tokenizer = source.tokenizer;
  model.scheduler = source.scheduler;
  model.defaults = source.defaults;
  return model;
}

void release_text_encoder(VideoModel& model) {
  model.text_encoder = nullptr;
  release_cached_memory(model.dit->patch_embedding->weight.device());
}

}  // namespace lintorch::pipeline
