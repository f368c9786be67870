#include "lintorch/pipeline/prompt_file.h"

#include <cstdint>
#include <string_view>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"

namespace lintorch::pipeline {

namespace {

/// Bytes of the valid UTF-8 sequence at the start of `text`, 0 if there is none (overlong forms, surrogates and code
/// points above U+10FFFF are invalid).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool outside = (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf4 && byte(1) > 0x8f);
  return overlong || outside ? 0 : length;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

std::vector<std::string> read_prompts(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  std::string_view rest = content;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);

  std::vector<std::string> prompts;
  for (int64_t line_number = 1; !rest.empty(); ++line_number) {
    const size_t end = rest.find('\n');
    const std::string_view line = trimmed(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    for (size_t i = 0; i < line.size();) {
      const size_t length = utf8_length(line.substr(i));
      LT_CHECK(length > 0, ConfigError, "[read_prompts] {}:{}: expected UTF-8 text, got the byte 0x{:02x} at column {}",
               path.string(), line_number, static_cast<uint8_t>(line[i]), i + 1);
      const auto byte = static_cast<uint8_t>(line[i]);
      LT_CHECK((byte >= 0x20 && byte != 0x7f) || byte == '\t', ConfigError,
               "[read_prompts] {}:{}: expected text, got the control character 0x{:02x} at column {}", path.string(),
               line_number, byte, i + 1);
      i += length;
    }
    if (!line.empty() && line.front() != '#') prompts.emplace_back(line);
  }
  LT_CHECK(!prompts.empty(), ConfigError, "[read_prompts] {} holds no prompt: expected one per line", path.string());
  return prompts;
}

}  // namespace lintorch::pipeline
