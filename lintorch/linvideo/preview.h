#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lintorch/pipeline/text_to_video.h"

namespace lintorch::linvideo {

/// What the preview videos of a run have in common.
struct PreviewSettings {
  pipeline::SampleOptions sampling;   ///< noise_seeds are set here
  std::vector<int64_t> latent_shape;  ///< [C, T, H, W]
  std::vector<at::Tensor> text_1SD;   ///< one video per prompt
  at::Tensor uncond_1SD;              ///< undefined without guidance
  uint64_t seed = 0;
};

/// Generates one video per prompt with the DiT and decodes it with the autoencoder of `model`, as
/// folder/<stem>_<prompt number>.mp4 (.gif in a build without FFmpeg). The same settings start from the same noise at
/// every call.
void write_previews(pipeline::VideoModel& model, wan::WanDit& dit, const PreviewSettings& settings,
                    const std::string& stem, const std::filesystem::path& folder);

}  // namespace lintorch::linvideo
