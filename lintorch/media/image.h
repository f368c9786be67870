#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace lintorch::media {

/// The bytes of a PNG file. image_HWC: uint8 with 1 (gray), 3 (RGB) or 4 (RGBA) channels. Throws Error.
std::string encode_png(const at::Tensor& image_HWC);

/// Writes encode_png(image) atomically, with missing parent folders. Throws Error or IoError.
void write_png(const std::filesystem::path& path, const at::Tensor& image_HWC);

/// Video in [-1, 1] to frames: trunc((clamp(x, -1, 1) + 1) / 2 * 255), computed in fp32.
/// video_CFHW: any float dtype, any device. Returns uint8 [F, H, W, C] on the CPU. NaN becomes black, with a warning.
/// Throws Error for another rank or dtype. Reference: wan/utils/utils.py, cache_video (Wan2.1 @ 9737cba).
at::Tensor to_frames_u8(const at::Tensor& video_CFHW);

/// Frames side by side, row by row, 2 white pixels between them; empty cells are white.
/// frames_FHWC: uint8. Returns uint8 [H', W', C]. Throws Error for no frame or columns < 1.
at::Tensor contact_sheet(const at::Tensor& frames_FHWC, int64_t columns);

}  // namespace lintorch::media
