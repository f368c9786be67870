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
#include "lintorch/models/umt5/config_file.h"
#include "lintorch/models/umt5/tokenizer_training.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"

namespace lintorch::inspect {
namespace {

namespace fs = std::filesystem;

constexpr std::array kComponents = {"transformer", "vae", "text_encoder", "tokenizer", "scheduler"};
constexpr int64_t kTinyTextLength = 64, kWanTextLength = 512, kVocabulary = 400;

void write_vae(const RandomModelConfig& config, const fs::path& folder) {
  // The constructor draws from the global generator.
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(mix_seed(static_cast<uint64_t>(config.seed), 1));
  }
  wan::WanVae vae(config.vae);
  wan::save_wan_vae(folder, vae, at::kFloat);
}

void write_tokenizer(const RandomModelConfig& config, const fs::path& folder) {
  const std::vector<std::string> sentences = {"a red fox jumps over the lazy dog",
                                              "rain falls on the roofs of an old town",
                                              "a white cat sleeps by the window", "two boats drift slowly to the left"};
  umt5::train_tokenizer(sentences, std::min(kVocabulary, config.text_encoder.vocab_size),
                        config.preset == Preset::kTiny ? kTinyTextLength : kWanTextLength, folder);
}

}  // namespace

RandomModelConfig RandomModelConfig::of(Preset preset) {
  RandomModelConfig config;
  config.preset = preset;
  if (preset == Preset::kTiny) {
    config.transformer = wan::tiny();
    config.vae = wan::tiny_vae();
    config.text_encoder = umt5::tiny();
    config.defaults = {.width = 96, .height = 72, .frames = 17, .fps = 8};
    return config;
  }
  config.transformer = preset == Preset::kT2v14b ? wan::t2v_14b() : wan::t2v_1_3b();
  config.vae = wan::t2v_vae();
  config.text_encoder = umt5::umt5_xxl();
  if (preset == Preset::kT2v14b) {
    config.defaults.width = 1280;
    config.defaults.height = 720;
    config.flow_shift = 5.0;
  }
  return config;
}

RandomModelConfig RandomModelConfig::load(const std::optional<fs::path>& file,
                                          const std::vector<std::string>& overrides) {
  Preset preset = Preset::kTiny;
  const Json json = file ? read_json_file(*file) : Json::object();
  if (json.is_object() && json.contains("preset")) read_config_value(json["preset"], preset, "preset");
  const std::string prefix = "preset=";
  for (const auto& assignment : overrides)
    if (assignment.starts_with(prefix)) preset = enum_from_name<Preset>(assignment.substr(prefix.size()), "preset");
  RandomModelConfig config = of(preset);
  if (file) read_config_value(json, config, file->filename().string() + ":");
  Json complete = config_to_json(config);
  for (const auto& assignment : overrides) apply_override(complete, assignment);
  config = RandomModelConfig{};
  read_config_value(complete, config, "");
  return config;
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
  const auto dtype = dtype_from_name(config.dtype);
  const auto seed = static_cast<uint64_t>(config.seed);
  const auto wanted = [&](const char* component) {
    return std::find(config.components.begin(), config.components.end(), component) != config.components.end();
  };
  io::AtomicDir output(config.output);
  const fs::path folder = output.path();
  if (wanted("transformer")) {
    write_random_checkpoint(
        folder / "transformer", "diffusion_pytorch_model", wan_dit_tensors(config.transformer), mix_seed(seed, 2),
        [&](const std::string& name) { return wan::keeps_fp32(name) ? at::kFloat : dtype; }, config.max_shard_bytes);
    write_json_file(folder / "transformer" / "config.json", wan::wan_dit_config_to_json(config.transformer));
  }
  if (wanted("text_encoder")) {
    write_random_checkpoint(
        folder / "text_encoder", "model", umt5_tensors(config.text_encoder), mix_seed(seed, 3),
        [&](const std::string&) { return dtype; }, config.max_shard_bytes);
    umt5::write_umt5_config(folder / "text_encoder", config.text_encoder, dtype);
  }
  if (wanted("vae")) write_vae(config, folder / "vae");
  if (wanted("tokenizer")) write_tokenizer(config, folder / "tokenizer");
  if (wanted("scheduler")) {
    diffusion::SchedulerConfig scheduler;
    scheduler.flow_shift = config.flow_shift;
    diffusion::write_scheduler_config(folder / "scheduler", scheduler);
  }
  write_json_file(folder / "model_index.json", pipeline::model_index_json(config.defaults));
  output.commit();
}

}  // namespace lintorch::inspect
