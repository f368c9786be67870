#include "lintorch/linvideo/preview.h"

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/media/image.h"
#include "lintorch/media/video_writer.h"
#include "lintorch/pipeline/text_to_video.h"

namespace lintorch::linvideo {

void write_previews(pipeline::VideoModel& teacher, wan::WanDit& student, const TrajectoryManifest& manifest,
                    const PreviewConfig& config, const std::vector<std::string>& prompts, const std::string& stem,
                    const std::filesystem::path& folder) {
  pipeline::SampleOptions options;
  options.sampler = enum_from_name<diffusion::SamplerKind>(manifest.sampler, "sampler");
  options.steps = config.steps;
  options.shift = manifest.shift;
  options.guidance = manifest.guidance;
  const at::Tensor uncond_BSD =
      manifest.has_unconditional() ? pipeline::encode_prompts(teacher, {manifest.negative_prompt}) : at::Tensor();
  media::VideoOptions video_options;
  video_options.fps = teacher.defaults.fps;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const at::Tensor text_BSD = pipeline::encode_prompts(teacher, {prompts[i]});
    const auto seed = mix_seed(static_cast<uint64_t>(config.seed), i);
    const at::Tensor noise = pipeline::make_noise({seed}, manifest.latent_shape, text_BSD.device());
    const at::Tensor latents = pipeline::generate_latents(student, text_BSD, uncond_BSD, noise, options);
    const at::Tensor video = pipeline::decode_latents(teacher, latents);
    media::write_video(folder / fmt::format("{}_{}{}", stem, i, media::video_extension()),
                       media::to_frames_u8(video[0]), video_options);
  }
}

}  // namespace lintorch::linvideo
