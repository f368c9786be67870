#include "lintorch/pipeline/model_preset.h"

namespace lintorch::pipeline {

PresetModel preset_model(ModelPreset preset) {
  PresetModel model;
  if (preset == ModelPreset::kTiny) {
    model.transformer = wan::tiny();
    model.vae = wan::tiny_vae();
    model.text_encoder = umt5::tiny();
    model.defaults = {.width = 96, .height = 72, .frames = 17, .fps = 8};
    model.text_tokens = 64;
    return model;
  }
  const bool large = preset == ModelPreset::kT2v14b;
  model.transformer = large ? wan::t2v_14b() : wan::t2v_1_3b();
  model.vae = wan::t2v_vae();
  model.text_encoder = umt5::umt5_xxl();
  if (large) {
    model.defaults.width = 1280;
    model.defaults.height = 720;
    model.flow_shift = 5.0;
  }
  return model;
}

}  // namespace lintorch::pipeline
