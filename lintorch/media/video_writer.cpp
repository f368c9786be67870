#include "lintorch/media/video_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/media/container.h"
#include "lintorch/media/gif.h"
#include "lintorch/media/image.h"

namespace lintorch::media {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMetadataFile = "metadata.json";

enum class Form { kMp4, kGif, kFolder };

Form form_of(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (extension == ".mp4") return Form::kMp4;
  if (extension == ".gif") return Form::kGif;
  LT_CHECK(
      extension.empty() && !path.empty(), ConfigError,
      "[write_video] expected a path ending in .mp4 or .gif, or a folder name without a dot (PNG frames), got '{}'",
      path.string());
  return Form::kFolder;
}

// Runs write(temporary path), then renames; the temporary file or folder is removed if anything fails.
template <class Write>
void write_then_rename(const fs::path& path, const Write& write) {
  if (path.has_parent_path()) create_folder(path.parent_path());
  const fs::path temporary = path.string() + ".tmp" + std::to_string(::getpid());
  std::error_code ignored;
  try {
    fs::remove_all(temporary);
    write(temporary);
    fs::rename(temporary, path);
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(temporary, ignored);
    throw IoError(fmt::format("[write_video] cannot write {}: {}", path.string(), e.what()));
  } catch (...) {
    fs::remove_all(temporary, ignored);
    throw;
  }
}

bool is_frame_folder(const fs::path& path) {
  if (!fs::is_directory(path)) return false;
  return std::all_of(fs::directory_iterator(path), fs::directory_iterator(), [](const auto& entry) {
    const std::string name = entry.path().filename().string();
    return name == kMetadataFile || (name.starts_with("frame_") && name.ends_with(".png"));
  });
}

std::string frame_name(int64_t index) { return fmt::format("frame_{:05}.png", index); }

Json metadata_to_json(const Metadata& metadata) {
  Json json = Json::object();
  for (const auto& [key, value] : metadata) {
    const Json parsed = Json::parse(value, nullptr, /*allow_exceptions=*/false);
    const bool nested = parsed.is_structured() && parsed.dump() == value;  // only if it comes back unchanged
    json[key] = nested ? parsed : Json(value);
  }
  return json;
}

// Empty without metadata.
std::string metadata_text(const Metadata& metadata) {
  if (metadata.empty()) return {};
  try {
    return metadata_to_json(metadata).dump();
  } catch (const nlohmann::json::exception& e) {
    throw ConfigError(fmt::format("[write_video] the metadata is not UTF-8 text: {}", e.what()));
  }
}

Metadata metadata_from_json(const Json& json) {
  Metadata metadata;
  for (const auto& [key, value] : json.items())
    metadata[key] = value.is_string() ? value.get<std::string>() : value.dump();
  return metadata;
}

void write_folder(const fs::path& path, const at::Tensor& frames, const VideoOptions& options) {
  LT_CHECK(!fs::exists(path) || is_frame_folder(path), IoError,
           "[write_video] {} exists and holds other things than PNG frames: delete it or choose another name",
           path.string());
  write_then_rename(path, [&](const fs::path& temporary) {
    fs::create_directories(temporary);
    for (int64_t i = 0; i < frames.size(0); ++i) write_png(temporary / frame_name(i), frames[i]);
    write_json_file(temporary / kMetadataFile,
                    {{"fps", options.fps}, {"metadata", metadata_to_json(options.metadata)}});
    if (fs::exists(path)) fs::remove_all(path);
  });
}

}  // namespace

void check_video_path(const fs::path& path) {
  LT_CHECK(form_of(path) != Form::kMp4 || detail::has_ffmpeg(), NotSupportedError,
           "[write_video] cannot write {}: this build has no FFmpeg; use a .gif, or a folder name for PNG frames",
           path.string());
}

const char* video_extension() { return detail::has_ffmpeg() ? ".mp4" : ".gif"; }

void write_video(const fs::path& path, const at::Tensor& frames_FHWC_u8, const VideoOptions& options) {
  check_video_path(path);
  LT_CHECK(frames_FHWC_u8.dim() == 4 && frames_FHWC_u8.scalar_type() == at::kByte && frames_FHWC_u8.size(3) == 3 &&
               frames_FHWC_u8.numel() > 0,
           Error, "[write_video] expected uint8 frames [F, H, W, 3], got {} dimensions of {}", frames_FHWC_u8.dim(),
           c10::toString(frames_FHWC_u8.scalar_type()));
  LT_CHECK(std::isfinite(options.fps) && options.fps > 0 && options.fps <= 1000, ConfigError,
           "[write_video] expected fps in (0, 1000], got {}", options.fps);
  LT_CHECK(options.crf >= 0 && options.crf <= 51, ConfigError, "[write_video] expected crf in [0, 51], got {}",
           options.crf);
  const at::Tensor frames = frames_FHWC_u8.to(at::kCPU).contiguous();
  const std::string comment = metadata_text(options.metadata);
  switch (form_of(path)) {
    case Form::kMp4:
      write_then_rename(path,
                        [&](const fs::path& temporary) { detail::encode_mp4(temporary, frames, options, comment); });
      break;
    case Form::kGif:
      write_file_atomic(path, encode_gif(frames, options.fps, comment));
      break;
    case Form::kFolder:
      write_folder(path, frames, options);
      break;
  }
}

Metadata read_video_metadata(const fs::path& path) {
  if (fs::is_directory(path)) return metadata_from_json(read_json_file(path / kMetadataFile)["metadata"]);
  LT_CHECK(fs::exists(path), IoError, "[read_video_metadata] {} does not exist", path.string());
  const std::string comment = detail::read_comment(path);
  if (comment.empty()) return {};
  const Json json = Json::parse(comment, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? metadata_from_json(json) : Metadata{{"comment", comment}};
}

at::Tensor read_video(const fs::path& path, VideoInfo* info) {
  LT_CHECK(fs::exists(path), IoError, "[read_video] {} does not exist", path.string());
  if (!fs::is_directory(path)) return detail::decode_video(path.string(), info);
  const at::Tensor frames = detail::decode_video((path / "frame_%05d.png").string(), info);
  if (info != nullptr) info->fps = read_json_file(path / kMetadataFile)["fps"].get<double>();
  return frames;
}

}  // namespace lintorch::media
