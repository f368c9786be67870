#include "lintorch/inspect/part_configs.h"

#include "lintorch/core/json.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/umt5/config_file.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/dit_original_config.h"
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

}  // namespace lintorch::inspect
