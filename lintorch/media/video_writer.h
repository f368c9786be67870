#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace lintorch::media {

/// What a video carries beside its frames, by key. A value that is compact JSON (object or list) is stored as such.
using Metadata = std::map<std::string, std::string>;

struct VideoOptions {
  double fps = 8;       ///< frames per second, > 0
  int crf = 17;         ///< H.264 quality, 0 (lossless) to 51 (worst)
  Metadata metadata;    ///< stored as one JSON object: "comment" tag of .mp4 and .gif, metadata.json of a folder
  std::string encoder;  ///< libav encoder of .mp4, e.g. "libx264"; empty = libx264, or mpeg4 with a warning
};

/// Throws ConfigError unless the path ends in .mp4 or .gif or has no extension (a folder of PNG frames), and
/// NotSupportedError for .mp4 in a build without FFmpeg. For use before a long computation.
void check_video_path(const std::filesystem::path& path);

/// ".mp4" where this build can write it, else ".gif".
const char* video_extension();

/// Writes a video; the form follows the path as in check_video_path. A failure leaves no half-written file.
///
/// .mp4: H.264, yuv420p (BT.709), index at the front; odd sizes grow by one repeated row or column, with a warning.
/// .gif: see encode_gif. Folder: frame_00000.png, ..., metadata.json; replaces such a folder, but no other.
/// frames_FHWC_u8: uint8 RGB, any device. Throws also Error for frames or options out of range, and IoError.
void write_video(const std::filesystem::path& path, const at::Tensor& frames_FHWC_u8, const VideoOptions& options = {});

/// The metadata that write_video stored. A comment of another program comes back under the key "comment".
/// Throws IoError, and NotSupportedError for a file in a build without FFmpeg.
Metadata read_video_metadata(const std::filesystem::path& path);

struct VideoInfo {
  double fps = 0;
  std::string codec;  ///< libav name, e.g. "h264"
};

/// Decodes a video that libav knows, or a folder of frame_*.png. Returns uint8 RGB [F, H, W, 3].
/// info, if given, receives what the container says. Throws IoError, and NotSupportedError without FFmpeg.
at::Tensor read_video(const std::filesystem::path& path, VideoInfo* info = nullptr);

}  // namespace lintorch::media
