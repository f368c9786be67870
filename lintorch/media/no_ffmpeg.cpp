#include "lintorch/core/error.h"
#include "lintorch/media/container.h"

namespace lintorch::media::detail {

bool has_ffmpeg() { return false; }

void encode_mp4(const std::filesystem::path& path, const at::Tensor&, const VideoOptions&, const std::string&) {
  throw NotSupportedError(fmt::format(
      "[write_video] cannot write {}: this build has no FFmpeg; use a .gif, or a folder name for PNG frames",
      path.string()));
}

at::Tensor decode_video(const std::string& file_or_pattern, VideoInfo*) {
  throw NotSupportedError(fmt::format("[read_video] cannot read {}: this build has no FFmpeg", file_or_pattern));
}

std::string read_comment(const std::filesystem::path& path) {
  throw NotSupportedError(fmt::format("[read_video_metadata] cannot read {}: this build has no FFmpeg", path.string()));
}

}  // namespace lintorch::media::detail
