#pragma once

#include "lintorch/core/enum_names.h"
#include "lintorch/models/umt5/config.h"
#include "lintorch/models/wan/config.h"
#include "lintorch/models/wan/vae_config.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch {
namespace pipeline {

/// Wan 2.1 text-to-video in its two sizes, and the miniature.
enum class ModelPreset { kT2v1_3b, kT2v14b, kTiny };

/// What the parts of a preset look like, and what it is made for.
struct PresetModel {
  wan::WanDitConfig transformer;
  wan::WanVaeConfig vae;
  umt5::Umt5Config text_encoder;
  GenerationDefaults defaults;
  double flow_shift = 3.0;
  int64_t text_tokens = 512;  ///< of a prompt, padding included
};

PresetModel preset_model(ModelPreset preset);

}  // namespace pipeline

template <>
struct EnumNames<pipeline::ModelPreset> {
  using E = pipeline::ModelPreset;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kT2v1_3b, "t2v_1_3b"}, {E::kT2v14b, "t2v_14b"}, {E::kTiny, "tiny"}};
};

}  // namespace lintorch
