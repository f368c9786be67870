#pragma once

#include <filesystem>

#include "lintorch/core/json.h"

namespace lintorch::inspect {

/// What lintorch stored in a video (.mp4, .gif or a folder of frames): version, commit, generation parameters. Values
/// that are JSON come parsed. Throws what media::read_video_metadata throws; NotSupportedError for a video that holds
/// nothing of the kind.
Json video_metadata(const std::filesystem::path& video);

}  // namespace lintorch::inspect
