#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <filesystem>

#include "lintorch/io/safetensors.h"
#include "lintorch/models/wan/vae.h"

namespace lintorch::wan {

/// Loads a Diffusers folder (.../vae: config.json, diffusion_pytorch_model.safetensors), in evaluation mode. Official
/// tensor names (Wan2.1_VAE converted to safetensors) are recognised and renamed.
/// Throws IoError, ConfigError or CheckpointError (missing, unexpected or mis-shaped tensors).
WanVae load_wan_vae(const std::filesystem::path& folder, at::ScalarType dtype, c10::Device device);

/// Writes a folder that load_wan_vae and Diffusers' AutoencoderKLWan.from_pretrained read.
void save_wan_vae(const std::filesystem::path& folder, WanVae& vae, at::ScalarType dtype,
                  const io::Metadata& metadata = {});

}  // namespace lintorch::wan
