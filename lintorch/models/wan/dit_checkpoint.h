#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <filesystem>
#include <map>
#include <string>

#include "lintorch/models/wan/dit.h"

namespace lintorch::wan {

/// True for the parameters that stay fp32 when a model is loaded in a lower precision: time path, modulation tables,
/// norms, head.
bool keeps_fp32(std::string_view parameter_name);

/// Casts a model to `dtype` (parameters of keeps_fp32 at least to fp32) and moves it to `device`.
void cast_wan_dit(WanDit& dit, at::ScalarType dtype, c10::Device device);

/// Loads a Diffusers transformer folder: config.json and diffusion_pytorch_model*.safetensors (one file or shards);
/// tensors may also carry original Wan names. Strict. Returns the model in eval mode.
/// Throws IoError, ConfigError, or CheckpointError: missing, unexpected or mis-shaped tensors, or linear-attention
/// weights in layers that the config calls softmax (or the reverse).
WanDit load_wan_dit(const std::filesystem::path& folder, at::ScalarType dtype, c10::Device device);

/// Writes config.json and diffusion_pytorch_model*.safetensors with values in `dtype`. The config's attention list must
/// describe the cores in place. Throws CheckpointError otherwise, IoError.
void save_wan_dit(const std::filesystem::path& folder, const WanDit& dit, at::ScalarType dtype,
                  const std::map<std::string, std::string>& metadata = {});

}  // namespace lintorch::wan
