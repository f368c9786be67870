#pragma once

#include <optional>
#include <string>
#include <utility>

#include "lintorch/core/enum_names.h"
#include "lintorch/diffusion/sampler.h"
#include "lintorch/models/wan/dit.h"
#include "lintorch/models/wan/vae_tiling.h"
#include "lintorch/pipeline/model_parts.h"

namespace lintorch {
namespace inspect {

/// The parts of a model folder that run_component can run on their own.
enum class Component { kTransformer, kVaeEncode, kVaeDecode, kTextEncoder, kTokenizer, kScheduler };

/// lintorch-inspect run: one component on the tensors of a file.
struct RunConfig {
  std::optional<Component> component;
  std::string model;
  pipeline::ComponentPaths components;
  std::string input;
  std::string output;
  std::string device = "auto";
  std::string dtype = "fp32";
  wan::ClipMode clip_mode = wan::ClipMode::kAuto;
  bool tiled_decode = false;
  wan::TileConfig tiles;
  wan::ResidualFormat residual = wan::ResidualFormat::kFp32;
  std::optional<diffusion::SamplerKind> sampler;
  std::optional<double> shift;
  diffusion::SigmaConvention sigma_convention = diffusion::SigmaConvention::kWan;

  template <class V>
  void visit(V& v) {
    v("component", component, "transformer, vae_encode, vae_decode, text_encoder, tokenizer or scheduler");
    v("model", model, "model folder of either layout, or the folder or file of the component alone");
    v("components", components, "");
    v("input", input,
      ".safetensors file with the component's inputs; tokenizer: also a .txt file, one prompt per line");
    v("output", output, ".safetensors file to write");
    v("device", device, "auto, cpu, cuda, cuda:N");
    v("dtype", dtype, "fp32, bf16, fp16 or fp64: dtype of the weights");
    v("clip_mode", clip_mode, "vae_*: whole_clip or streaming computation");
    v("tiled_decode", tiled_decode, "vae_decode: in overlapping tiles");
    v("tiles", tiles, "");
    v("residual", residual,
      "transformer in low precision: residual stream fp32 (official code) or weights (Diffusers)");
    v("sampler", sampler, "scheduler: euler or unipc; null = the model's");
    v("shift", shift, "scheduler: flow shift; null = the model's");
    v("sigma_convention", sigma_convention, "scheduler: grid of flow times");
  }
  /// Throws ConfigError naming `path`.
  void validate(const std::string& path) const;
};

}  // namespace inspect

template <>
struct EnumNames<inspect::Component> {
  static constexpr std::pair<inspect::Component, std::string_view> table[] = {
      {inspect::Component::kTransformer, "transformer"}, {inspect::Component::kVaeEncode, "vae_encode"},
      {inspect::Component::kVaeDecode, "vae_decode"},    {inspect::Component::kTextEncoder, "text_encoder"},
      {inspect::Component::kTokenizer, "tokenizer"},     {inspect::Component::kScheduler, "scheduler"}};
};

template <>
struct EnumNames<wan::ClipMode> {
  static constexpr std::pair<wan::ClipMode, std::string_view> table[] = {{wan::ClipMode::kAuto, "auto"},
                                                                         {wan::ClipMode::kWholeClip, "whole_clip"},
                                                                         {wan::ClipMode::kStreaming, "streaming"}};
};

}  // namespace lintorch
