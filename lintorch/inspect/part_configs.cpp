#include "lintorch/inspect/part_configs.h"

#include "lintorch/core/json.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/umt5/config_file.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/dit_original_config.h"
#include "lintorch/models/wan/vae.h"
#include "lintorch/models/wan/vae_checkpoint.h"

namespace lintorch::inspect {

namespace fs = std::filesystem;

wan::WanDitConfig read_transformer_config(const fs::path& path) {
  const fs::path file = path / "config.json";
  if (fs::exists(file))
    if (const Json json = read_json_file(file); !wan::is_original_dit_config(json))
      return wan::wan_dit_config_from_json(json, file.string() + ":");
  return wan::open_wan_dit(path).config;
}

wan::WanVaeConfig read_vae_config(const fs::path& path) {
  return fs::is_directory(path) ? wan::read_vae_config(path / "config.json") : wan::open_wan_vae(path).config;
}

umt5::Umt5Config read_text_encoder_config(const fs::path& path) {
  return fs::is_directory(path) ? umt5::read_umt5_config(path) : umt5::open_umt5(path).config;
}

ModelConfigs read_model_configs(const fs::path& model, const pipeline::ComponentPaths& replaced) {
  ModelConfigs configs{
      read_transformer_config(pipeline::find_model_part(model, &pipeline::ModelParts::transformer, replaced)),
      wan::t2v_vae(),
      {},
      {}};
  const auto parts = pipeline::list_model_parts(model, replaced);
  const fs::path vae = parts ? parts->vae : fs::path(replaced.vae.value_or(""));
  const fs::path text_encoder = parts ? parts->text_encoder : fs::path(replaced.text_encoder.value_or(""));
  if (!vae.empty()) configs.vae = read_vae_config(vae);
  if (!text_encoder.empty()) configs.text_encoder = read_text_encoder_config(text_encoder);
  if (parts && parts->layout == ModelLayout::kOriginal)
    configs.defaults = pipeline::read_generation_settings(model, parts->layout).second;
  else if (fs::exists(model / "model_index.json"))
    configs.defaults = pipeline::read_generation_defaults(model);
  return configs;
}

int64_t vae_values(const wan::WanVaeConfig& config) {
  int64_t count = 0;
  const wan::WanVae vae(config);
  for (const auto& parameter : vae->parameters()) count += parameter.numel();
  return count;
}

}  // namespace lintorch::inspect
