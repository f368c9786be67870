#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "lintorch/models/umt5/config.h"
#include "lintorch/models/wan/config.h"
#include "lintorch/models/wan/vae_config.h"
#include "lintorch/pipeline/model_parts.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::inspect {

// What a part of a model is, given its path as pipeline::find_model_part tells it. A Diffusers config.json says all, and
// its weights need not be there. In other forms the config is in the metadata or in the shapes of the weights, which are
// checked then; no weight is read. All throw as the open_* function of the part.

wan::WanDitConfig read_transformer_config(const std::filesystem::path& path);
wan::WanVaeConfig read_vae_config(const std::filesystem::path& path);
umt5::Umt5Config read_text_encoder_config(const std::filesystem::path& path);

/// The configs of a model folder, with Wan's own where only the transformer is there.
struct ModelConfigs {
  wan::WanDitConfig transformer;
  wan::WanVaeConfig vae;
  std::optional<umt5::Umt5Config> text_encoder;
  pipeline::GenerationDefaults defaults;
};

ModelConfigs read_model_configs(const std::filesystem::path& model, const pipeline::ComponentPaths& replaced = {});

/// Values of an autoencoder.
int64_t vae_values(const wan::WanVaeConfig& config);

}  // namespace lintorch::inspect
