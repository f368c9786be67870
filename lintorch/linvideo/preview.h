#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/trajectory_manifest.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::linvideo {

/// Generates one video per prompt with the student's DiT and the teacher's other parts, at the size, shift, guidance and
/// solver of the trajectories, and writes them as folder/<stem>_<prompt number>.mp4 (.gif in a build without FFmpeg).
/// The same config and prompts start from the same noise at every call.
void write_previews(pipeline::VideoModel& teacher, wan::WanDit& student, const TrajectoryManifest& manifest,
                    const PreviewConfig& config, const std::vector<std::string>& prompts, const std::string& stem,
                    const std::filesystem::path& folder);

}  // namespace lintorch::linvideo
