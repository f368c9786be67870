#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/core/json.h"
#include "lintorch/diffusion/scheduler_config.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/umt5/tokenizer.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"
#include "lintorch/pipeline/model_parts.h"

namespace lintorch::pipeline {

/// What a model distilled to few steps was trained for: its network is good at these times and nowhere else.
struct FewStepDefaults {
  std::vector<double> times;  ///< falling flow times in (0, 1]
  double shift = 1;           ///< the flow shift that warped them, for runs with another number of steps
  diffusion::SamplerKind sampler = diffusion::SamplerKind::kRenoise;

  template <class V>
  void visit(V& v) {
    v("times", times, "flow times at which the network is evaluated, falling from at most 1");
    v("shift", shift, "flow shift of these times");
    v("sampler", sampler, "renoise or euler");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

/// What a model was made for; used where the user gives no value. Stored as "_lintorch.defaults" in model_index.json.
struct GenerationDefaults {
  int64_t width = 832;
  int64_t height = 480;
  int64_t frames = 81;
  double fps = 16;
  int64_t steps = 50;
  double guidance = 5.0;
  std::string negative_prompt;
  std::optional<FewStepDefaults> few_steps;

  template <class V>
  void visit(V& v) {
    v("width", width, "pixels");
    v("height", height, "pixels");
    v("frames", frames, "pixel frames, 1 + k * temporal factor");
    v("fps", fps, "frames per second of the written video");
    v("steps", steps, "sampler steps");
    v("guidance", guidance, "classifier-free guidance scale; 1 = off");
    v("negative_prompt", negative_prompt, "prompt of the unconditional branch");
    v("few_steps", few_steps, "of a model distilled to few steps: its times and sampler; null for others");
  }
};

/// A model folder that was found to be whole: what its parts are, without their weights in memory.
struct ModelSource {
  wan::DitSource dit;
  wan::VaeSource vae;
  umt5::Umt5Source text_encoder;
  std::shared_ptr<const umt5::Tokenizer> tokenizer;
  diffusion::SchedulerConfig scheduler;
  GenerationDefaults defaults;
};

/// Opens a model folder in the layout of Diffusers or of Wan's own repository (see find_model_parts) and checks every
/// part and that they fit together. Throws CheckpointError or IoError naming the part that is missing or wrong.
ModelSource open_video_model(const std::filesystem::path& folder, const ComponentPaths& replaced = {});

/// The five parts of a model, ready to generate.
struct VideoModel {
  wan::WanDit dit{nullptr};
  wan::WanVae vae{nullptr};
  umt5::Umt5Encoder text_encoder{nullptr};
  std::shared_ptr<const umt5::Tokenizer> tokenizer;
  diffusion::SchedulerConfig scheduler;
  GenerationDefaults defaults;
};

/// Loads a whole model folder for inference. `dtype` is that of the DiT and the text encoder; the VAE runs in fp32.
/// Throws as open_video_model.
VideoModel load_video_model(const std::filesystem::path& folder, at::ScalarType dtype, c10::Device device,
                            const ComponentPaths& replaced = {});

/// Takes the text encoder's memory back, once all prompts are encoded.
void release_text_encoder(VideoModel& model);

/// The scheduler and the defaults of a model folder; of an original one Wan's own (UniPC, shift 5, its negative prompt)
/// unless kOriginalExtrasFile says otherwise. Throws IoError, ConfigError.
std::pair<diffusion::SchedulerConfig, GenerationDefaults> read_generation_settings(const std::filesystem::path& folder,
                                                                                   ModelLayout layout);

/// Content of model_index.json for a WanPipeline with these defaults.
Json model_index_json(const GenerationDefaults& defaults);

/// Reads the defaults back; Wan's own where the file has none.
GenerationDefaults read_generation_defaults(const std::filesystem::path& folder);

}  // namespace lintorch::pipeline
