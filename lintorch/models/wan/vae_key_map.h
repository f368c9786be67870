#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lintorch::wan {

/// Tensor name of Wan2.1_VAE.pth -> tensor name of Diffusers (which is ours); nullopt for an unknown name.
/// num_res_blocks: of the config (2 for Wan): the official decoder numbers all layers of all stages in one list.
std::optional<std::string> diffusers_vae_name(const std::string& official_name, int64_t num_res_blocks);

/// The inverse of diffusers_vae_name.
std::optional<std::string> official_vae_name(const std::string& diffusers_name, int64_t num_res_blocks);

}  // namespace lintorch::wan
