#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace lintorch {

/// JSON that keeps the order of keys, so that written files read like the structs they come from.
using Json = nlohmann::ordered_json;

/// Reads a JSON file; // and /* */ comments are allowed. Throws IoError or ConfigError naming the file.
Json read_json_file(const std::filesystem::path& path);

/// Writes a JSON file with an indent of 2, through a temporary file and rename. Throws IoError.
void write_json_file(const std::filesystem::path& path, const Json& json);

}  // namespace lintorch
