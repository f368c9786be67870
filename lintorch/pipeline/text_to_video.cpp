#include "lintorch/pipeline/text_to_video.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/diffusion/guidance.h"
#include "lintorch/models/umt5/encode_text.h"

namespace lintorch::pipeline {

at::Tensor encode_prompts(VideoModel& model, const std::vector<std::string>& prompts) {
  c10::InferenceMode inference;
  return umt5::encode_text(model.text_encoder, model.tokenizer->encode(prompts));
}

at::Tensor make_noise(const std::vector<uint64_t>& seeds, const std::vector<int64_t>& latent_shape,
                      c10::Device device) {
  std::vector<at::Tensor> samples;
  samples.reserve(seeds.size());
  for (const uint64_t seed : seeds) samples.push_back(at::randn(latent_shape, make_generator(seed), at::kFloat));
  return at::stack(samples).to(device);
}

namespace {

constexpr uint64_t kRenoiseStream = 0x72656e;  // "ren"

std::unique_ptr<diffusion::Sampler> make_sampler(const SampleOptions& options) {
  const diffusion::NoiseSource noise = [&seeds = options.noise_seeds](int64_t step, const at::Tensor& like) {
    LT_CHECK(static_cast<int64_t>(seeds.size()) == like.size(0), Error,
             "[generate_latents] sampler renoise expects one noise seed per sample, got {} for {}", seeds.size(),
             like.size(0));
    std::vector<uint64_t> own;
    for (const uint64_t seed : seeds) own.push_back(mix_seed(seed, kRenoiseStream, static_cast<uint64_t>(step)));
    return make_noise(own, like.sizes().slice(1).vec(), like.device());
  };
  if (!options.times.empty()) return diffusion::make_sampler(options.sampler, options.times, noise);
  return diffusion::make_sampler(options.sampler, options.steps, options.shift, options.sigma_convention, noise);
}

}  // namespace

at::Tensor generate_latents(wan::WanDit& dit, const at::Tensor& text_cond_BSD, const at::Tensor& text_uncond_BSD,
                            const at::Tensor& noise_BCTHW, const SampleOptions& options) {
  c10::InferenceMode inference;
  const int64_t batch = noise_BCTHW.size(0);
  LT_CHECK(text_cond_BSD.size(0) == batch, Error, "[generate_latents] expected {} prompts for {} noise samples, got {}",
           batch, batch, text_cond_BSD.size(0));
  const bool guided = options.guidance != 1.0;
  LT_CHECK(!guided || text_uncond_BSD.defined(), Error, "[generate_latents] guidance {} needs an unconditional prompt",
           options.guidance);

  const auto sampler = make_sampler(options);
  at::Tensor text = text_cond_BSD;
  if (guided) text = at::cat({text_cond_BSD, text_uncond_BSD.expand_as(text_cond_BSD)});
  const auto prepared_text = dit->prepare_text(text);
  at::Tensor x = noise_BCTHW.to(at::kFloat);
  for (int64_t i = 0; i < sampler->num_steps(); ++i) {
    const at::Tensor input = guided ? at::cat({x, x}) : x;
    const at::Tensor timestep = at::full({input.size(0)}, sampler->timestep(i), x.options().dtype(at::kDouble));
    const at::Tensor output = dit->forward(input, timestep, prepared_text);
    const at::Tensor cond = guided ? output.slice(0, 0, batch) : output;
    const at::Tensor uncond = guided ? output.slice(0, batch) : at::Tensor();
    if (options.on_step) options.on_step({i, sampler->sigmas()[i], x, cond, uncond});
    x = sampler->step(guided ? diffusion::guide(cond, uncond, options.guidance) : cond, i, x);
  }
  return x;
}

at::Tensor decode_latents(VideoModel& model, const at::Tensor& latents_BCTHW,
                          const std::optional<wan::TileConfig>& tiles) {
  c10::InferenceMode inference;
  std::vector<at::Tensor> videos;
  const auto& vae = model.vae->config();
  const int64_t positions =
      latents_BCTHW[0].numel() / vae.z_dim * vae.temporal_factor() * vae.spatial_factor() * vae.spatial_factor();
  const int64_t group = std::max<int64_t>(1, wan::kWholeClipValues / (positions * vae.base_dim));
  for (const auto& latent : latents_BCTHW.split(group))
    videos.push_back(tiles ? wan::decode_tiled(model.vae, latent, *tiles) : model.vae->decode(latent));
  return at::cat(videos);
}

}  // namespace lintorch::pipeline
