#include "lintorch/distill/generator_run.h"

#include <fmt/ranges.h>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/diffusion/flow_match_schedule.h"
#include "lintorch/distill/export.h"
#include "lintorch/linvideo/config_check.h"
#include "lintorch/linvideo/fingerprint.h"
#include "lintorch/linvideo/prompt_embeddings.h"
#include "lintorch/pipeline/prompt_file.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::distill {

using namespace linvideo;

GeneratorRun::GeneratorRun(pipeline::VideoModel& teacher_in, DistillConfig config_in)
    : teacher(teacher_in), config(std::move(config_in)), device(teacher.dit->patch_embedding->weight.device()) {
  config.validate("distill");
  const bool regression = config.objective == DistillObjective::kRegression;
  if (!regression) prompts = pipeline::read_prompts(config.prompts);
  const auto size = pipeline::choose_size(teacher.defaults, config.size, config.frames);
  latent_shape = pipeline::latent_shape(teacher.dit->config(), teacher.vae->config(), size);
  shift = config.shift.value_or(teacher.scheduler.flow_shift);
  times = diffusion::warp_steps(config.steps, shift);
  check_field(std::filesystem::is_directory(config.model), "distill", "model", "a model folder", config.model);
  start_fingerprint = linvideo::teacher_fingerprint(config.model);
  teacher_fingerprint = linvideo::teacher_fingerprint(config.teacher_folder());
  if (regression) {
    open_trajectories(config.trajectories, "distill.trajectories");
    prompts = trajectories->manifest().prompts;
  } else if (config.gan.weight > 0) {
    open_trajectories(config.gan.trajectories, "gan.trajectories");
  }

  previews.sampling.sampler = config.sampler;
  previews.sampling.times = times;
  previews.sampling.guidance = 1;
  previews.latent_shape = latent_shape;
  previews.seed = static_cast<uint64_t>(config.preview.seed);
  const PromptEmbeddings shown(teacher,
                               config.preview.prompts.empty() ? std::vector{prompts.front()} : config.preview.prompts);
  for (int64_t i = 0; i < shown.size(); ++i) previews.text_1SD.push_back(shown.batch({i}, device));

  for (auto& parameter : teacher.dit->parameters()) parameter.set_requires_grad(false);
  generator = make_generator_network(config, teacher.dit);
  generator.dit->set_activation_checkpointing(config.activation_checkpointing);
}

void GeneratorRun::open_trajectories(const std::string& folder, const std::string& field) {
  trajectories = std::make_unique<TrajectoryStore>(folder);
  const TrajectoryManifest& manifest = trajectories->manifest();
  check_same_teacher(manifest, teacher_fingerprint, config.teacher_folder(), folder, field);
  LT_CHECK(manifest.latent_shape == latent_shape, ConfigError,
           "{}: {} holds latents [{}], expected [{}] for this size and number of frames", field, folder,
           fmt::join(manifest.latent_shape, ", "), fmt::join(latent_shape, ", "));
}

train::ParameterGroup GeneratorRun::group() const {
  train::ParameterGroup group;
  group.name = "generator";
  group.parameters = generator.weights;
  group.weight_decay = config.weight_decay;
  return group;
}

TensorMap GeneratorRun::record() const {
  return record_to_tensors(
      DistillRecord{config, start_fingerprint, teacher_fingerprint, {times, shift, config.sampler}});
}

Json GeneratorRun::identity() const {
  Json identity = config_to_json(config);
  for (const char* key : {"model", "teacher", "prompts", "trajectories", "preview"}) identity.erase(key);
  identity["gan"].erase("trajectories");
  identity["start"] = start_fingerprint;
  identity["teacher"] = teacher_fingerprint;
  identity["shift"] = shift;
  return identity;
}

void GeneratorRun::preview(int64_t step, const std::filesystem::path& folder) {
  write_previews(teacher, generator.dit, previews, fmt::format("step_{:06}", step), folder);
}

}  // namespace lintorch::distill
