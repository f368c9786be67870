#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace lintorch::linvideo {

/// CRC-32 (zlib's polynomial) of a file's content. Throws IoError.
uint32_t file_crc32(const std::filesystem::path& path);

/// Identifies the DiT of a model folder: 16 hex digits, a 64-bit FNV-1a hash over the text of transformer/config.json
/// and, for every .safetensors file of transformer/ in the order of names, its size and content. In the layout of Wan's
/// own repository: the same over config.json, if there is one, and diffusion_pytorch_model*.safetensors.
///
/// Files above 64 MB enter with 64 evenly spaced blocks of 64 KB, so that large checkpoints need no full read: two
/// trained models differ in every block. Throws IoError if the folder holds no transformer.
std::string teacher_fingerprint(const std::filesystem::path& model_folder);

}  // namespace lintorch::linvideo
