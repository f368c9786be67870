#include "lintorch/inspect/random_model.h"

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/diffusion/scheduler_config.h"
#include "lintorch/inspect/random_checkpoint.h"
#include "lintorch/io/atomic_dir.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/umt5/config_file.h"
#include "lintorch/models/umt5/key_map.h"
#include "lintorch/models/umt5/tokenizer_training.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/dit_key_map.h"
#include "lintorch/models/wan/dit_original_config.h"
#include "lintorch/models/wan/vae_checkpoint.h"
#include "lintorch/pipeline/model_export.h"

namespace lintorch::inspect {
namespace {

namespace fs = std::filesystem;
using pipeline::ModelPreset;

constexpr std::array kComponents = {"transformer", "vae", "text_encoder", "tokenizer", "scheduler"};
constexpr int64_t kVocabulary = 400;

void write_vae(const RandomModelConfig& config, const fs::path& folder) {
  // The constructor draws from the global generator.
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(mix_seed(static_cast<uint64_t>(config.seed), 1));
  }
  const wan::WanVae vae(config.vae);
  wan::write_wan_vae(folder, config.vae, layers::module_state(*vae), {.layout = config.layout, .dtype = at::kFloat});
}

void write_transformer(const RandomModelConfig& config, const fs::path& folder) {
  const bool original = config.layout == ModelLayout::kOriginal;
  const auto dtype = dtype_from_name(config.dtype);
  const Json json = wan::wan_dit_config_to_json(config.transformer);
  RandomTensors random{.tensors = wan_dit_tensors(config.transformer),
                       .seed = mix_seed(static_cast<uint64_t>(config.seed), 2),
                       .dtype_of = [&](const auto& name) { return wan::keeps_fp32(name) ? at::kFloat : dtype; },
                       .metadata = {{kConfigMetadata, json.dump()}}};
  if (original) random.stored_name = [](const auto& name) { return wan::dit_key_to_original(name).value(); };
  write_random_checkpoint(folder, "diffusion_pytorch_model", random, config.max_shard_bytes);
  write_json_file(folder / "config.json", original ? wan::original_dit_config_json(config.transformer) : json);
}

void write_text_encoder(const RandomModelConfig& config, const fs::path& folder) {
  const auto dtype = dtype_from_name(config.dtype);
  RandomTensors random{.tensors = umt5_tensors(config.text_encoder),
                       .seed = mix_seed(static_cast<uint64_t>(config.seed), 3),
                       .dtype_of = [&](const auto&) { return dtype; },
                       .metadata = {{kConfigMetadata, umt5::umt5_config_json(config.text_encoder, dtype).dump()}}};
  if (config.layout == ModelLayout::kOriginal) {
    random.stored_name = [](const auto& name) { return umt5::umt5_key_map().backward(name).value(); };
    write_random_torch_archive(folder / (std::string(umt5::kOriginalUmt5Stem) + ".pth"), random);
    return;
  }
  write_random_checkpoint(folder, "model", random, config.max_shard_bytes);
  umt5::write_umt5_config(folder, config.text_encoder, dtype);
}

void write_tokenizer(const RandomModelConfig& config, const fs::path& folder) {
  const std::vector<std::string> sentences = {"a red fox jumps over the lazy dog",
                                              "rain falls on the roofs of an old town",
                                              "a white cat sleeps by the window", "two boats drift slowly to the left"};
  umt5::train_tokenizer(sentences, std::min(kVocabulary, config.text_encoder.vocab_size),
                        pipeline::preset_model(config.preset).text_tokens, folder);
}

}  // namespace

RandomModelConfig RandomModelConfig::of(ModelPreset preset) {
  const pipeline::PresetModel model = pipeline::preset_model(preset);
  RandomModelConfig config;
  config.preset = preset;
  config.transformer = model.transformer;
  config.vae = model.vae;
  config.text_encoder = model.text_encoder;
  config.defaults = model.defaults;
  config.flow_shift = model.flow_shift;
  return config;
}

RandomModelConfig RandomModelConfig::load(const std::optional<fs::path>& file,
                                          const std::vector<std::string>& overrides) {
  ModelPreset preset = ModelPreset::kTiny;
  const Json json = file ? read_json_file(*file) : Json::object();
  if (json.is_object() && json.contains("preset")) read_config_value(json["preset"], preset, "preset");
  const std::string prefix = "preset=";
  for (const auto& assignment : overrides)
    if (assignment.starts_with(prefix))
      preset = enum_from_name<ModelPreset>(assignment.substr(prefix.size()), "preset");
  return load_config(file, overrides, of(preset));
}

void RandomModelConfig::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  LT_CHECK(seed >= 0, ConfigError, "{}: expected 0 or more, got {}", at("seed"), seed);
  LT_CHECK(dtype_from_name(dtype) != at::kDouble, ConfigError, "{}: expected fp32, bf16 or fp16, got {}", at("dtype"),
           dtype);
  LT_CHECK(max_shard_bytes >= 1, ConfigError, "{}: expected at least 1, got {}", at("max_shard_bytes"),
           max_shard_bytes);
  LT_CHECK(flow_shift > 0, ConfigError, "{}: expected a positive number, got {}", at("flow_shift"), flow_shift);
  for (const auto& component : components)
    LT_CHECK(std::find(kComponents.begin(), kComponents.end(), component) != kComponents.end(), ConfigError,
             "{}: expected some of {}, got \"{}\"", at("components"), fmt::join(kComponents, ", "), component);
  LT_CHECK(transformer.in_channels == vae.z_dim, ConfigError, "{}: expected the vae's z_dim ({}), got {}",
           at("transformer.in_channels"), vae.z_dim, transformer.in_channels);
  LT_CHECK(transformer.text_dim == text_encoder.d_model, ConfigError,
           "{}: expected the text_encoder's d_model ({}), got {}", at("transformer.text_dim"), text_encoder.d_model,
           transformer.text_dim);
}

void write_random_model(const RandomModelConfig& config) {
  config.validate("");
  LT_CHECK(!config.output.empty(), ConfigError, "output: expected a folder, got none");
  const auto wanted = [&](const char* component) {
    return std::find(config.components.begin(), config.components.end(), component) != config.components.end();
  };
  const bool original = config.layout == ModelLayout::kOriginal;
  pipeline::check_export_folder(config.output, {});
  io::AtomicDir output(config.output);
  const fs::path folder = output.path();
  if (wanted("transformer")) write_transformer(config, original ? folder : folder / "transformer");
  if (wanted("text_encoder")) write_text_encoder(config, original ? folder : folder / "text_encoder");
  if (wanted("vae")) write_vae(config, original ? folder : folder / "vae");
  if (wanted("tokenizer")) write_tokenizer(config, folder / (original ? pipeline::kOriginalTokenizer : "tokenizer"));
  diffusion::SchedulerConfig scheduler;
  scheduler.flow_shift = config.flow_shift;
  if (wanted("scheduler"))
    pipeline::write_generation_settings(folder, config.layout, scheduler, config.defaults);
  else if (!original)
    write_json_file(folder / "model_index.json", pipeline::model_index_json(config.defaults));
  output.commit();
}

}  // namespace lintorch::inspect
