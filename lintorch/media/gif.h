#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

namespace lintorch::media {

/// The bytes of an endlessly repeating GIF89a file. frames_FHWC: uint8 RGB.
///
/// One palette for all frames: exact if the clip has at most 256 colours (every gray clip), else median cut, without
/// dithering. Frame times are multiples of 10 ms, at least 20 ms; their mean is 1 / fps.
/// comment: stored in a comment extension unless empty. Throws Error for frames of another form.
std::string encode_gif(const at::Tensor& frames_FHWC, double fps, std::string_view comment = {});

}  // namespace lintorch::media
