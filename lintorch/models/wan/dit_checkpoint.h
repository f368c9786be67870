#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <filesystem>
#include <map>
#include <string>

#include "lintorch/models/model_layout.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch::wan {

/// True for the parameters that stay fp32 when a model is loaded in a lower precision: time path, modulation tables,
/// norms, head.
bool keeps_fp32(std::string_view parameter_name);

/// Casts a model to `dtype` (parameters of keeps_fp32 at least to fp32) and moves it to `device`.
void cast_wan_dit(WanDit& dit, at::ScalarType dtype, c10::Device device);

/// A model in eval mode whose weights have their place on the device and no values yet; parameters of keeps_fp32 are fp32 at
/// least.
WanDit empty_wan_dit(const WanDitConfig& config, at::ScalarType dtype, c10::Device device);

/// A transformer found on disk. The tensors have Diffusers names, share the mapped files and are not read yet.
struct DitSource {
  WanDitConfig config;
  TensorMap state;
  io::Metadata metadata;
};

/// Finds out what a transformer is; says so in the log. `path` is one of
///   - a Diffusers transformer folder, or the folder of Wan's own repository: config.json (WanTransformer3DModel or
///     WanModel) and diffusion_pytorch_model*.safetensors, one file or shards;
///   - a single file, safetensors or torch.save, in either naming, with or without a known prefix (see DitNaming).
/// The config comes from config.json; where there is none, from the metadata entry kConfigMetadata; else the shapes must
/// be those of a preset.
/// Throws IoError, ConfigError, NotSupportedError, or CheckpointError: missing, unexpected, mis-shaped or mis-typed
/// tensors (with the nearest preset), or linear-attention weights in layers that the config calls softmax (or the
/// reverse).
DitSource open_wan_dit(const std::filesystem::path& path);

/// Loads what was found, tensor by tensor: memory beyond the model's own is that of the largest tensor. Returns the model
/// in eval mode.
WanDit load_wan_dit(const DitSource& source, at::ScalarType dtype, c10::Device device);
/// The same of what open_wan_dit finds at `path`; throws as open_wan_dit.
WanDit load_wan_dit(const std::filesystem::path& path, at::ScalarType dtype, c10::Device device);

/// Writes config.json and diffusion_pytorch_model*.safetensors of a layout into a folder. Weights of keeps_fp32 are
/// stored in fp32 at least where format.dtype asks for less. Throws IoError.
void write_wan_dit(const std::filesystem::path& folder, const WanDitConfig& config, const TensorMap& state,
                   const WeightFormat& format = {});

/// Writes a model in the Diffusers layout with values in `dtype`. The config's attention list must describe the cores in
/// place. Throws CheckpointError otherwise, IoError.
void save_wan_dit(const std::filesystem::path& folder, const WanDit& dit, at::ScalarType dtype,
                  const std::map<std::string, std::string>& metadata = {});

}  // namespace lintorch::wan
