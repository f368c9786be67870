#include "lintorch/models/umt5/utf8.h"

namespace lintorch::umt5 {

std::optional<std::u32string> decode_utf8(std::string_view text) {
  std::u32string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    int continuation_bytes = 0;
    char32_t code = lead, lowest = 0;
    if (lead >= 0xF0 && lead < 0xF8) {
      continuation_bytes = 3, code = lead & 0x07, lowest = 0x10000;
    } else if (lead >= 0xE0 && lead < 0xF0) {
      continuation_bytes = 2, code = lead & 0x0F, lowest = 0x800;
    } else if (lead >= 0xC0 && lead < 0xE0) {
      continuation_bytes = 1, code = lead & 0x1F, lowest = 0x80;
    } else if (lead >= 0x80) {
      return std::nullopt;
    }
    for (; continuation_bytes > 0; --continuation_bytes) {
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return std::nullopt;
      code = (code << 6) | (static_cast<unsigned char>(text[i++]) & 0x3F);
    }
    if (code < lowest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return std::nullopt;
    result += code;
  }
  return result;
}

std::string encode_utf8(std::u32string_view text) {
  std::string result;
  const auto add = [&](char32_t byte) { result += static_cast<char>(byte); };
  for (const char32_t code : text) {
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xC0 | (code >> 6)), add(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      add(0xE0 | (code >> 12)), add(0x80 | ((code >> 6) & 0x3F)), add(0x80 | (code & 0x3F));
    } else {
      add(0xF0 | (code >> 18)), add(0x80 | ((code >> 12) & 0x3F)), add(0x80 | ((code >> 6) & 0x3F));
      add(0x80 | (code & 0x3F));
    }
  }
  return result;
}

}  // namespace lintorch::umt5
