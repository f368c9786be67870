#include "lintorch/inspect/video_metadata.h"

#include "lintorch/core/error.h"
#include "lintorch/media/video_writer.h"

namespace lintorch::inspect {

Json video_metadata(const std::filesystem::path& video) {
  LT_CHECK(!video.empty(), ConfigError, "video: expected a video, got none");
  const auto metadata = media::read_video_metadata(video);
  LT_CHECK(!metadata.empty(), NotSupportedError, "[video_metadata] {} holds no metadata", video.string());
  Json json = Json::object();
  for (const auto& [key, text] : metadata) {
    const Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    json[key] = parsed.is_object() || parsed.is_array() ? parsed : Json(text);
  }
  return json;
}

}  // namespace lintorch::inspect
