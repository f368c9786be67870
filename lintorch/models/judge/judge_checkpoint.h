#pragma once

#include <c10/core/Device.h>

#include <filesystem>

#include "lintorch/io/safetensors.h"
#include "lintorch/models/judge/judge.h"

namespace lintorch::judge {

/// Loads a judge/ folder (config.json, model.safetensors) in fp32 and evaluation mode.
/// Throws IoError, ConfigError, CheckpointError.
Judge load_judge(const std::filesystem::path& folder, c10::Device device);

/// Writes config.json and model.safetensors into `folder`. Throws IoError.
void save_judge(const std::filesystem::path& folder, Judge& judge, const io::Metadata& metadata = {});

}  // namespace lintorch::judge
