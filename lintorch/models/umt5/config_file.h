#pragma once

#include <c10/core/ScalarType.h>

#include <filesystem>

#include "lintorch/models/umt5/config.h"

namespace lintorch::umt5 {

/// Reads `folder`/config.json as transformers writes it. Entries without an effect on the encoder are skipped.
/// Throws IoError; ConfigError for unknown keys and wrong values; NotSupportedError for another architecture.
Umt5Config read_umt5_config(const std::filesystem::path& folder);

/// Writes `folder`/config.json so that transformers' UMT5EncoderModel loads it. dtype: that of the stored weights.
void write_umt5_config(const std::filesystem::path& folder, const Umt5Config& config, c10::ScalarType dtype);

}  // namespace lintorch::umt5
