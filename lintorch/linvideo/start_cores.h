#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lintorch/layers/linear_core.h"
#include "lintorch/models/wan/config.h"

namespace lintorch::linvideo {

/// The linear attention of every layer as a linearization starts it; Kaiming init by `seed`, which is LinearizeConfig::seed.
/// Throws ConfigError if the map does not fit the model's heads.
std::vector<std::shared_ptr<layers::LinearCore>> start_linear_cores(
    const wan::WanDitConfig& model, const layers::LinearAttentionConfig& linear_attention, uint64_t seed);

}  // namespace lintorch::linvideo
