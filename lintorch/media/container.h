#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>

#include "lintorch/media/video_writer.h"

/// What needs FFmpeg: defined by ffmpeg_*.cpp, or by no_ffmpeg.cpp, which throws NotSupportedError.
namespace lintorch::media::detail {

/// Whether this build has FFmpeg.
bool has_ffmpeg();

/// Encodes frames (uint8 [F, H, W, 3], CPU, contiguous) into an mp4 file at exactly this path, whatever its ending.
void encode_mp4(const std::filesystem::path& path, const at::Tensor& frames_FHWC, const VideoOptions& options,
                const std::string& comment);

/// Decodes every frame of a file, or of an image sequence given as a pattern ("folder/frame_%05d.png").
at::Tensor decode_video(const std::string& file_or_pattern, VideoInfo* info);

/// The "comment" tag of a file; empty if it has none.
std::string read_comment(const std::filesystem::path& path);

}  // namespace lintorch::media::detail
