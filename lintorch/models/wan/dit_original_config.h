#pragma once

#include <optional>
#include <string>

#include "lintorch/core/json.h"
#include "lintorch/core/tensor_map.h"
#include "lintorch/models/wan/config.h"

namespace lintorch::wan {

/// Whether a config.json is that of Wan's own WanModel, and not of Diffusers' class: by "_class_name", or by the keys
/// "dim" and "num_heads" where that is absent.
bool is_original_dit_config(const Json& json);

/// The config of an original checkpoint. Wan's config.json leaves out what it takes for granted (text_dim, patch_size,
/// cross_attn_norm): that comes from the shapes of `state` (Diffusers names). nullopt if the file lacks a size that
/// shapes cannot tell (num_heads, ...).
/// Throws ConfigError for unknown keys and wrong values, NotSupportedError if model_type is not t2v.
std::optional<WanDitConfig> original_dit_config(const Json& json, const TensorMap& state, const std::string& where);

/// The config.json that Wan's WanModel reads, with "attention" and "linear_attention" added if a layer is linear.
Json original_dit_config_json(const WanDitConfig& config);

}  // namespace lintorch::wan
