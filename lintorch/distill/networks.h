#pragma once

#include "lintorch/distill/config.h"
#include "lintorch/linvideo/state_batch.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch::distill {

/// A network and its weights that train, by module name (adapters included).
struct TrainedNetwork {
  wan::WanDit dit{nullptr};
  linvideo::NamedTensors weights;
};

/// The generator: what config.model holds, with adapters for trainable lora. Where that is the teacher's own folder it is
/// made from `teacher`, and shares the memory of the weights that do not train. fp32, on the teacher's device.
/// Throws as load_wan_dit, and ConfigError if its latents or texts are not the teacher's.
TrainedNetwork make_generator_network(const DistillConfig& config, wan::WanDit& teacher);

/// The critic: a copy of the teacher, or of the generator as it is before training. With trainable attention or lora, and
/// from the teacher, the frozen weights share the teacher's memory.
TrainedNetwork make_critic_network(const DistillConfig& config, wan::WanDit& teacher);

/// Tokens of a sample from which one fills a GPU. A batch of twice the samples is then no faster, and its tensors find no room
/// in what the allocator keeps for those of a training step.
constexpr int64_t kLongSample = 4096;

/// The network's velocity with classifier-free guidance, both branches as one batch, or one after the other for samples of
/// kLongSample tokens and more; the network itself with guidance 1.
/// uncond_1SD: embedding of the negative prompt, undefined with guidance 1.
linvideo::VelocityFunction guided_velocity(wan::WanDit dit, const at::Tensor& uncond_1SD, double guidance);

}  // namespace lintorch::distill
