#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <filesystem>

#include "lintorch/io/safetensors.h"
#include "lintorch/models/model_layout.h"
#include "lintorch/models/wan/vae.h"

namespace lintorch::wan {

/// The name, without extension, of the autoencoder's file in Wan's own repository.
inline constexpr const char* kOriginalVaeStem = "Wan2.1_VAE";

/// An autoencoder found on disk. The tensors have Diffusers names, share the mapped files and are not read yet.
struct VaeSource {
  WanVaeConfig config;
  TensorMap state;
};

/// Finds out what an autoencoder is; says so in the log. `path` is one of
///   - a Diffusers folder (.../vae: config.json, diffusion_pytorch_model*.safetensors), in either naming;
///   - a single file (Wan2.1_VAE.pth, or safetensors), in either naming; the config comes from the metadata entry
///     kConfigMetadata, else the shapes must be those of the published autoencoder.
/// Throws IoError, ConfigError or CheckpointError: missing, unexpected, mis-shaped or mis-typed tensors (with the nearest
/// preset).
VaeSource open_wan_vae(const std::filesystem::path& path);

/// Loads what was found, tensor by tensor, in evaluation mode.
WanVae load_wan_vae(const VaeSource& source, at::ScalarType dtype, c10::Device device);
/// The same of what open_wan_vae finds at `path`; throws as open_wan_vae.
WanVae load_wan_vae(const std::filesystem::path& path, at::ScalarType dtype, c10::Device device);

/// Writes the weights in a layout. Diffusers: folder/config.json and folder/diffusion_pytorch_model*.safetensors.
/// Original: folder/Wan2.1_VAE.pth with the config in its metadata. Throws IoError.
void write_wan_vae(const std::filesystem::path& folder, const WanVaeConfig& config, const TensorMap& state,
                   const WeightFormat& format = {});

/// Writes a folder that load_wan_vae and Diffusers' AutoencoderKLWan.from_pretrained read.
void save_wan_vae(const std::filesystem::path& folder, WanVae& vae, at::ScalarType dtype,
                  const io::Metadata& metadata = {});

}  // namespace lintorch::wan
