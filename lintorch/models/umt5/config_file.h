#pragma once

#include <c10/core/ScalarType.h>

#include <filesystem>

#include "lintorch/core/json.h"
#include "lintorch/models/umt5/config.h"

namespace lintorch::umt5 {

/// Reads config.json as transformers writes it. Entries without an effect on the encoder are skipped. `where` starts
/// every message.
/// Throws ConfigError for unknown keys and wrong values; NotSupportedError for another architecture.
Umt5Config umt5_config_from_json(const Json& json, const std::string& where);

/// The same from `folder`/config.json. Throws IoError, too.
Umt5Config read_umt5_config(const std::filesystem::path& folder);

/// The config.json that transformers' UMT5EncoderModel loads. dtype: that of the stored weights.
Json umt5_config_json(const Umt5Config& config, c10::ScalarType dtype);

/// Writes umt5_config_json to `folder`/config.json. Throws IoError.
void write_umt5_config(const std::filesystem::path& folder, const Umt5Config& config, c10::ScalarType dtype);

}  // namespace lintorch::umt5
