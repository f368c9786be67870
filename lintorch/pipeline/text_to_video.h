#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/diffusion/sampler.h"
#include "lintorch/models/wan/vae_tiling.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::pipeline {

/// One step of the sampler, as seen by an observer: x_t and what the network said about it.
struct SampleStep {
  int64_t index;                            // 0 .. steps - 1
  double sigma;                             // flow time t of x_t
  const at::Tensor& x_BCTHW;                // state before the step
  const at::Tensor& velocity_BCTHW;         // conditional velocity
  const at::Tensor& uncond_velocity_BCTHW;  // undefined when guidance is 1
};

struct SampleOptions {
  diffusion::SamplerKind sampler = diffusion::SamplerKind::kUniPc;
  diffusion::SigmaConvention sigma_convention = diffusion::SigmaConvention::kWan;
  int64_t steps = 50;
  double shift = 5.0;
  double guidance = 5.0;              // 1 = conditional branch only
  std::vector<double> times;          // evaluate the network at these flow times, not at those of steps and shift
  std::vector<uint64_t> noise_seeds;  // one per sample: noise of sampler renoise, drawn as make_noise draws it
  std::function<void(const SampleStep&)> on_step;  // called before x advances; may throw to stop
};

/// Encodes prompts to [B, S, text_dim], rows beyond a prompt's true length zero.
at::Tensor encode_prompts(VideoModel& model, const std::vector<std::string>& prompts);

/// Standard normal noise [B, C, T, H, W] in fp32, sample i drawn from its own generator seeded with seeds[i]: a sample
/// does not depend on the batch it is in, nor on the device.
at::Tensor make_noise(const std::vector<uint64_t>& seeds, const std::vector<int64_t>& latent_shape, c10::Device device);

/// Integrates the model's velocity from noise (t = 1) to data (t = 0) with classifier-free guidance; both branches run
/// as one batch. text_uncond_BSD may have B = 1 or be undefined when guidance is 1. With sampler renoise a sample depends
/// on its start noise and its seed, not on the batch it is in.
/// Returns the latent x_0 [B, C, T, H, W] in fp32 (normalized, as WanVae::decode takes it).
at::Tensor generate_latents(wan::WanDit& dit, const at::Tensor& text_cond_BSD, const at::Tensor& text_uncond_BSD,
                            const at::Tensor& noise_BCTHW, const SampleOptions& options);

/// Latents -> pixels [B, 3, F, H, W] in [-1, 1], in spatial tiles if given. As many samples at
/// a time as keep the widest feature map small (wan::kWholeClipValues), at least one.
at::Tensor decode_latents(VideoModel& model, const at::Tensor& latents_BCTHW,
                          const std::optional<wan::TileConfig>& tiles = std::nullopt);

}  // namespace lintorch::pipeline
