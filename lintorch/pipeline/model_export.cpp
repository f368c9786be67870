#include "lintorch/pipeline/model_export.h"

#include <algorithm>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"

namespace lintorch::pipeline {

namespace fs = std::filesystem;

namespace {

/// Of a repository (.git, .cache), not of the model.
bool hidden(const fs::directory_entry& entry) { return entry.path().filename().string().starts_with('.'); }

void copy_into(const fs::path& from, const fs::path& folder) {
  fs::copy(from, folder / from.filename(), fs::copy_options::recursive);
}

/// Component folders (the evaluation judge among them) and model_index.json, all but the transformer.
void copy_diffusers_parts(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const bool component = entry.is_directory() && !hidden(entry) && entry.path().filename() != "transformer";
    if (component || entry.path().filename() == "model_index.json") copy_into(entry.path(), to);
  }
}

void copy_original_parts(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    const bool weights = name.starts_with(wan::kOriginalVaeStem) || name.starts_with(umt5::kOriginalUmt5Stem);
    if (weights || (entry.is_directory() && !hidden(entry)) || name == kOriginalExtrasFile) copy_into(entry.path(), to);
  }
}

void convert_parts(const fs::path& from, const ModelParts& parts, const fs::path& to, ModelLayout layout,
                   uint64_t max_shard_bytes) {
  const bool original = layout == ModelLayout::kOriginal;
  const WeightFormat format{.layout = layout, .max_shard_bytes = max_shard_bytes};
  const auto vae = wan::open_wan_vae(parts.vae);
  wan::write_wan_vae(original ? to : to / "vae", vae.config, vae.state, format);
  const auto text_encoder = umt5::open_umt5(parts.text_encoder);
  umt5::write_umt5(original ? to : to / "text_encoder", text_encoder.config, text_encoder.state, format);

  const auto [scheduler, defaults] = read_generation_settings(from, parts.layout);
  const fs::path tokenizer = to / (original ? kOriginalTokenizer : "tokenizer");
  fs::create_directories(tokenizer.parent_path());
  fs::copy(parts.tokenizer, tokenizer, fs::copy_options::recursive);
  write_generation_settings(to, layout, scheduler, defaults);
  if (fs::exists(from / "judge")) copy_into(from / "judge", to);
}

}  // namespace

void check_export_folder(const fs::path& output, const std::vector<fs::path>& sources) {
  LT_CHECK(!fs::exists(output / "state.json"), ConfigError,
           "output: {} is a training checkpoint, which a model would replace: choose another folder", output.string());
  const auto whole = [](const fs::path& path) {  // without the empty name at the end of "a/b/"
    const fs::path canonical = fs::weakly_canonical(path);
    return canonical.has_filename() ? canonical : canonical.parent_path();
  };
  const fs::path target = whole(output);
  for (const auto& source : sources) {
    if (source.empty()) continue;
    const fs::path own = whole(source);
    const bool replaced = std::mismatch(target.begin(), target.end(), own.begin(), own.end()).first == target.end();
    LT_CHECK(!replaced, ConfigError, "output: {} would replace {}, which the model is made from: choose another folder",
             output.string(), source.string());
  }
}

void write_generation_settings(const fs::path& folder, ModelLayout layout, const diffusion::SchedulerConfig& scheduler,
                               const GenerationDefaults& defaults) {
  if (layout == ModelLayout::kOriginal) {
    write_json_file(folder / kOriginalExtrasFile,
                    {{"scheduler", scheduler.to_json()}, {"defaults", config_to_json(defaults)}});
    return;
  }
  diffusion::write_scheduler_config(folder / "scheduler", scheduler);
  write_json_file(folder / "model_index.json", model_index_json(defaults));
}

void replace_generation_defaults(const fs::path& folder, ModelLayout layout, const GenerationDefaults& defaults) {
  if (layout == ModelLayout::kOriginal) {
    const auto scheduler = read_generation_settings(folder, layout).first;
    return write_generation_settings(folder, layout, scheduler, defaults);
  }
  Json index = read_json_file(folder / "model_index.json");
  index["_lintorch"]["defaults"] = config_to_json(defaults);
  write_json_file(folder / "model_index.json", index);
}

void write_model_folder(const fs::path& from, const ExportedDit& dit, const fs::path& to, const WeightFormat& format) {
  const ModelParts parts = find_model_parts(from);
  if (parts.layout != format.layout)
    convert_parts(from, parts, to, format.layout, format.max_shard_bytes);
  else if (format.layout == ModelLayout::kDiffusers)
    copy_diffusers_parts(from, to);
  else
    copy_original_parts(from, to);
  wan::write_wan_dit(format.layout == ModelLayout::kOriginal ? to : to / "transformer", dit.config, dit.state, format);
}

}  // namespace lintorch::pipeline
