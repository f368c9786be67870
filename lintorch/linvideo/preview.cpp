#include "lintorch/linvideo/preview.h"

#include "lintorch/core/rng.h"
#include "lintorch/media/image.h"
#include "lintorch/media/video_writer.h"

namespace lintorch::linvideo {

void write_previews(pipeline::VideoModel& model, wan::WanDit& dit, const PreviewSettings& settings,
                    const std::string& stem, const std::filesystem::path& folder) {
  media::VideoOptions video_options;
  video_options.fps = model.defaults.fps;
  pipeline::SampleOptions options = settings.sampling;
  for (size_t i = 0; i < settings.text_1SD.size(); ++i) {
    const at::Tensor& text_BSD = settings.text_1SD[i];
    options.noise_seeds = {mix_seed(settings.seed, i)};
    const at::Tensor noise = pipeline::make_noise(options.noise_seeds, settings.latent_shape, text_BSD.device());
    const at::Tensor latents = pipeline::generate_latents(dit, text_BSD, settings.uncond_1SD, noise, options);
    const at::Tensor video = pipeline::decode_latents(model, latents);
    media::write_video(folder / fmt::format("{}_{}{}", stem, i, media::video_extension()),
                       media::to_frames_u8(video[0]), video_options);
  }
}

}  // namespace lintorch::linvideo
