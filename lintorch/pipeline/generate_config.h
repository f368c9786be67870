#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/diffusion/sampler.h"
#include "lintorch/models/wan/fp8.h"
#include "lintorch/pipeline/text_to_video.h"

namespace lintorch::pipeline {

/// Which parts of a model are on the device together.
enum class OffloadKind {
  kNone,        ///< all of them, from the start
  kSequential,  ///< text encoder, transformer, autoencoder one after the other, each read from its files when its turn comes
};

/// lintorch-generate: prompt -> video. Values left null come from the model folder.
struct GenerateConfig {
  std::string model;
  ComponentPaths components;
  std::string prompt;
  std::optional<std::string> negative_prompt;
  std::optional<std::string> size;
  std::optional<int64_t> frames;
  std::optional<int64_t> steps;
  std::optional<double> guidance;
  std::optional<double> shift;
  std::optional<double> fps;
  std::optional<diffusion::SamplerKind> sampler;
  std::optional<std::vector<double>> times;
  diffusion::SigmaConvention sigma_convention = diffusion::SigmaConvention::kWan;
  int64_t seed = 0;
  std::optional<std::string> noise;
  std::string output = "video.mp4";
  std::optional<std::string> save_latents;
  std::optional<std::string> latents;
  std::optional<bool> tiled_decode;
  wan::TileConfig tiles;
  std::string device = "auto";
  std::string dtype = "fp32";
  std::string vae_dtype = "fp32";
  OffloadKind offload = OffloadKind::kSequential;
  std::optional<std::string> report;
  wan::ResidualFormat residual = wan::ResidualFormat::kFp32;
  wan::Fp8Layers fp8 = wan::Fp8Layers::kNone;
  bool fp8_attention = false;

  template <class V>
  void visit(V& v) {
    v("model", model, "model folder, plain or linearized, in the layout of Diffusers or of Wan's own repository");
    v("components", components);
    v("prompt", prompt, "what to show");
    v("negative_prompt", negative_prompt, "prompt of the unconditional branch; null = the model's");
    v("size", size, "WIDTHxHEIGHT in pixels; null = the model's");
    v("frames", frames, "pixel frames, 1 + a multiple of 4; null = the model's");
    v("steps", steps, "sampler steps; null = the model's");
    v("guidance", guidance, "classifier-free guidance scale, 1 = off; null = the model's");
    v("shift", shift, "flow shift of the schedule; null = the model's scheduler/");
    v("fps", fps, "frames per second; null = the model's");
    v("sampler", sampler, "euler or unipc, or renoise for few-step models; null = the model's");
    v("times", times,
      "euler, renoise: the flow times of the steps, falling from at most 1, instead of those of steps and shift; null "
      "= "
      "the model's, if it was distilled to few steps");
    v("sigma_convention", sigma_convention,
      "grid of flow times: the official code's, or Diffusers' since January 2026");
    v("seed", seed, "noise seed; the same seed gives the same video");
    v("noise", noise,
      "start from the tensor \"noise\" [1, C, T, H, W] of this .safetensors file instead of the seed's");
    v("output", output, "video.mp4, video.gif, or a folder for PNG frames");
    v("save_latents", save_latents, "also write the final latents to this .safetensors file, before decoding");
    v("latents", latents, "decode these latents instead of sampling");
    v("tiled_decode", tiled_decode,
      "decode in overlapping tiles: less memory, seams blended, not bit-equal; null = if the device memory asks for "
      "it");
    v("tiles", tiles, "");
    v("device", device, "auto, cpu, cuda, cuda:N");
    v("dtype", dtype, "fp32 or bf16 for DiT and text encoder");
    v("vae_dtype", vae_dtype, "fp32 or bf16 for the autoencoder");
    v("offload", offload, "sequential: one part on the device at a time; none: all parts from the start");
    v("report", report, "also write seconds and peak device memory of every part to this .json file");
    v("residual", residual, "residual stream of a bf16 DiT: fp32 (official code) or weights (Diffusers)");
    v("fp8", fp8,
      "matrix products of the DiT in FP8: none, feed_forward, or all of the blocks; faster on sm_89 and later, not "
      "exact");
    v("fp8_attention", fp8_attention,
      "softmax self-attention of the DiT in FP8, through cuDNN on sm_90 and later; not exact");
  }
  void validate(const std::string& path) const;
};

/// Generates one video and writes it with its parameters in the container's metadata; shows progress.
/// Latents are saved before the decode, so that a failed decode loses nothing.
void generate_video(const GenerateConfig& config);

}  // namespace lintorch::pipeline

template <>
struct lintorch::EnumNames<lintorch::pipeline::OffloadKind> {
  using E = lintorch::pipeline::OffloadKind;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kNone, "none"}, {E::kSequential, "sequential"}};
};
