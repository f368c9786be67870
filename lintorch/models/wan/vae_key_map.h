#pragma once

#include "lintorch/io/key_map.h"
#include "lintorch/models/wan/vae_config.h"

namespace lintorch::wan {

/// Tensor names of the official Wan2.1_VAE.pth (left) and of Diffusers, which are ours (right). The config decides
/// where a stage of the decoder begins: the official decoder numbers the layers of all stages in one list.
/// Source: Diffusers' conversion script for Wan.
io::KeyMap vae_key_map(const WanVaeConfig& config);

}  // namespace lintorch::wan
