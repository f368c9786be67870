#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lintorch::umt5 {

/// Code points of a UTF-8 text; nullopt if it is malformed (truncated, overlong, surrogates, beyond U+10FFFF).
std::optional<std::u32string> decode_utf8(std::string_view text);

std::string encode_utf8(std::u32string_view text);

}  // namespace lintorch::umt5
