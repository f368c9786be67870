#pragma once

#include <cstdint>

#include "lintorch/linvideo/config.h"
#include "lintorch/models/wan/config.h"

namespace lintorch::plan {

/// How many values a run has, counted from the shapes; nothing is built.
struct TrainedValues {
  int64_t teacher = 0;       ///< of the transformer
  int64_t teacher_fp32 = 0;  ///< of these, kept in fp32 in a low-precision model
  int64_t backbone = 0;      ///< trained weights of the student, or adapters
  int64_t feature_maps = 0;  ///< W~_q, W~_k of every layer
  int64_t gates = 0;
  bool adapters = false;  ///< whether backbone counts adapters, beside frozen weights
  int64_t trained() const { return backbone + feature_maps + gates; }
};

/// Of a linearization. model: the teacher. Throws ConfigError for lora.modules that the blocks do not have.
TrainedValues linearize_values(const wan::WanDitConfig& model, const linvideo::LinearizeConfig& config);

/// Of one network of a distillation, without feature maps and gates (those of a linearized model count as its weights).
TrainedValues network_values(const wan::WanDitConfig& model, linvideo::TrainableKind trainable,
                             const linvideo::LoraConfig& lora);

}  // namespace lintorch::plan
