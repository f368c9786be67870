#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lintorch::pipeline {

/// Prompts of a text file in UTF-8, one per line, white space at both ends removed. Blank lines and lines that start
/// with # are skipped; a byte order mark and Windows line ends are accepted.
///
/// Throws IoError if the file cannot be read; ConfigError naming file and line for invalid UTF-8 or a control
/// character, and naming the file if it holds no prompt at all.
std::vector<std::string> read_prompts(const std::filesystem::path& path);

}  // namespace lintorch::pipeline
