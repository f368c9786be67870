#pragma once

#include <filesystem>

#include "lintorch/models/umt5/config.h"
#include "lintorch/models/wan/config.h"
#include "lintorch/models/wan/vae_config.h"

namespace lintorch::inspect {

// What a part of a model is, given its path as pipeline::find_model_part tells it. A Diffusers config.json says all, and
// its weights need not be there. In other forms the config is in the metadata or in the shapes of the weights, which are
// checked then; no weight is read. All throw as the open_* function of the part.

wan::WanDitConfig read_transformer_config(const std::filesystem::path& path);
wan::WanVaeConfig read_vae_config(const std::filesystem::path& path);
umt5::Umt5Config read_text_encoder_config(const std::filesystem::path& path);

}  // namespace lintorch::inspect
