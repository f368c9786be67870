#include "lintorch/distill/networks.h"

#include <ATen/Functions.h>

#include <filesystem>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/diffusion/guidance.h"
#include "lintorch/linvideo/lora.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/pipeline/model_parts.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::distill {

namespace fs = std::filesystem;
using linvideo::TrainableKind;

namespace {

enum Stream : uint64_t { kGeneratorLoraStream = 0x676c, kCriticLoraStream = 0x636c };

bool starts_as_teacher(const DistillConfig& config) {
  return !config.teacher || fs::weakly_canonical(*config.teacher) == fs::weakly_canonical(config.model);
}

wan::WanDit load_start(const DistillConfig& config, wan::WanDit& teacher) {
  if (starts_as_teacher(config)) return linvideo::copy_wan_dit(teacher);
  auto dit = wan::load_wan_dit(pipeline::find_model_parts(config.model).transformer, at::kFloat,
                               teacher->patch_embedding->weight.device());
  const auto &own = dit->config(), &other = teacher->config();
  LT_CHECK(own.in_channels == other.in_channels && own.text_dim == other.text_dim, ConfigError,
           "teacher: expected a model with {} latent channels and texts of width {} as in {}, got {} and {} in {}",
           own.in_channels, own.text_dim, config.model, other.in_channels, other.text_dim, *config.teacher);
  return dit;
}

/// base: whose memory the frozen weights share; `dit` itself where it may not be shared.
TrainedNetwork train_part(wan::WanDit dit, wan::WanDit base, TrainableKind trainable, const linvideo::LoraConfig& lora,
                          uint64_t seed) {
  if (trainable == TrainableKind::kLora) linvideo::add_lora(dit, lora, seed);
  auto selected = linvideo::select_parameters(dit, base, trainable);
  LT_ASSERT(selected.feature_maps.empty());  // `base` has every weight but the adapters
  for (auto& [name, weight] : selected.backbone) weight.set_requires_grad(true);
  return {dit, std::move(selected.backbone)};
}

}  // namespace

TrainedNetwork make_generator_network(const DistillConfig& config, wan::WanDit& teacher) {
  auto dit = load_start(config, teacher);
  return train_part(dit, starts_as_teacher(config) ? teacher : dit, config.trainable, config.lora,
                    mix_seed(static_cast<uint64_t>(config.seed), kGeneratorLoraStream));
}

TrainedNetwork make_critic_network(const DistillConfig& config, wan::WanDit& teacher) {
  const CriticConfig& critic = config.critic;
  const bool shares = critic.start == CriticStart::kTeacher || starts_as_teacher(config);
  auto dit = shares ? linvideo::copy_wan_dit(teacher) : load_start(config, teacher);
  return train_part(dit, shares ? teacher : dit, critic.trainable, critic.lora,
                    mix_seed(static_cast<uint64_t>(config.seed), kCriticLoraStream));
}

linvideo::VelocityFunction guided_velocity(wan::WanDit dit, const at::Tensor& uncond_1SD, double guidance) {
  return [=](const at::Tensor& x, const at::Tensor& timestep, const at::Tensor& text) mutable {
    if (guidance == 1.0) return dit->forward(x, timestep, text);
    const at::Tensor uncond = uncond_1SD.expand_as(text);
    if (pipeline::num_tokens(dit->config(), x.sizes().slice(1).vec()) >= kLongSample) {
      const at::Tensor cond = dit->forward(x, timestep, text);
      return diffusion::guide(cond, dit->forward(x, timestep, uncond), guidance);
    }
    const at::Tensor both = dit->forward(at::cat({x, x}), at::cat({timestep, timestep}), at::cat({text, uncond}));
    return diffusion::guide(both.slice(0, 0, x.size(0)), both.slice(0, x.size(0)), guidance);
  };
}

}  // namespace lintorch::distill
