#include "lintorch/linvideo/sampled_trajectories.h"

#include <ATen/core/grad_mode.h>

#include "lintorch/core/error.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/linvideo/teacher_sampling.h"

namespace lintorch::linvideo {

namespace {

CollectConfig collect_config(const std::string& teacher_folder, const OnlineConfig& config, int64_t seed) {
  CollectConfig collect;
  collect.model = teacher_folder;
  collect.prompts = config.prompts;
  collect.size = config.size;
  collect.frames = config.frames;
  collect.sampler = diffusion::SamplerKind::kEuler;  // as the pool moves
  collect.steps = config.steps;
  collect.shift = config.shift;
  collect.guidance = config.guidance;
  collect.negative_prompt = config.negative_prompt;
  collect.seed = seed;
  collect.storage_dtype = "fp32";
  collect.content = StoreContent::kStates;
  return collect;
}

}  // namespace

SampledTrajectories::SampledTrajectories(pipeline::VideoModel& teacher, const std::string& teacher_folder,
                                         const OnlineConfig& config, int64_t first, int64_t held_out, int64_t seed)
    : manifest_(trajectory_request(teacher, collect_config(teacher_folder, config, seed))) {
  const int64_t total = num_trajectories();
  LT_CHECK(first + held_out <= total, ConfigError,
           "objective.online.prompts: expected at least {} prompts ({} to start from, {} held out), got {} in {}",
           first + held_out, first, held_out, total, config.prompts);
  prompts_ = std::make_unique<PromptEmbeddings>(teacher, manifest_.prompts);
  const auto device = teacher.dit->patch_embedding->weight.device();
  const at::Tensor uncond_BSD = PromptEmbeddings(teacher, {manifest_.negative_prompt}).batch({0}, device);
  unconditional_text_SD_ = uncond_BSD[0].to(at::kCPU);

  const at::NoGradGuard no_grad;
  std::vector<int64_t> sampled;
  for (int64_t i = 0; i < first; ++i) sampled.push_back(i);
  for (int64_t i = total - held_out; i < total; ++i) sampled.push_back(i);
  ProgressBar bar("sampling the first states", static_cast<int64_t>(sampled.size()) * manifest_.steps);
  for (size_t k = 0; k < sampled.size(); ++k) {
    const auto trajectories =
        sample_trajectories(teacher.dit, manifest_, {sampled[k]}, prompts_->batch({sampled[k]}, device), uncond_BSD,
                            [&](int64_t step) { bar.update(static_cast<int64_t>(k) * manifest_.steps + step + 1); });
    x_ICTHW_[sampled[k]] = trajectories.front().x_ICTHW;
  }
}

at::Tensor SampledTrajectories::state(int64_t trajectory, int64_t step) const {
  const auto it = x_ICTHW_.find(trajectory);
  LT_ASSERT(it != x_ICTHW_.end());
  return it->second[step];
}

at::Tensor SampledTrajectories::conditional_velocity(int64_t, int64_t) const {
  LT_ASSERT(manifest_.has_velocities());
  return {};
}

at::Tensor SampledTrajectories::unconditional_velocity(int64_t, int64_t) const {
  LT_ASSERT(manifest_.has_velocities());
  return {};
}

at::Tensor SampledTrajectories::text(int64_t trajectory) const { return prompts_->batch({trajectory}, at::kCPU)[0]; }

}  // namespace lintorch::linvideo
