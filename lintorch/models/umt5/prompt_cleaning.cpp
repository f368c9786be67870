#include "lintorch/models/umt5/prompt_cleaning.h"

#include <algorithm>

#include "lintorch/core/error.h"
#include "lintorch/models/umt5/html_entities.h"
#include "lintorch/models/umt5/utf8.h"

namespace lintorch::umt5 {
namespace {

// Unicode's White_Space: what \s accepts in Python's package regex, which Wan uses.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// What str.strip removes: the separators FS, GS, RS and US too.
bool is_stripped(char32_t c) { return is_space(c) || (c >= 0x1C && c <= 0x1F); }

// "" for code points that HTML forbids, as html.unescape does.
std::string numeric_character(char32_t code) {
  // What browsers read for &#128; ... &#159;: Windows-1252; 0 where that has no character.
  static constexpr char32_t kWindows1252[] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                                              0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
                                              0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                              0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
  if (code >= 0x80 && code <= 0x9F) return encode_utf8({&kWindows1252[code - 0x80], 1});
  if (code == 0 || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) code = 0xFFFD;
  const bool forbidden = code < 0x09 || code == 0x0B || (code >= 0x0E && code < 0x20) || code == 0x7F ||
                         (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFE) == 0xFFFE;
  return forbidden ? "" : encode_utf8({&code, 1});
}

// Reads "#65;" or "#x41;" at the start of `text`; sets `length` to the characters used, 0 if it is no reference.
std::string numeric_reference(std::string_view text, size_t& length) {
  length = 0;
  const bool hex = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
  const int base = hex ? 16 : 10;
  size_t end = hex ? 2 : 1;
  const size_t begin = end;
  char32_t code = 0;
  for (; end < text.size(); ++end) {
    const char c = text[end];
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (hex && c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (hex && c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit < 0) break;
    code = std::min<char32_t>(code * base + digit, 0x110000);
  }
  if (end == begin) return "";
  if (end < text.size() && text[end] == ';') ++end;
  length = end;
  return numeric_character(code);
}

// Reads "eacute;" at the start of `text`. Without the semicolon only Latin-1 names count, and the longest one wins.
std::string named_reference(std::string_view text, size_t& length) {
  length = 0;
  const auto is_name_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const size_t end = std::find_if_not(text.begin(), text.end(), is_name_character) - text.begin();
  if (end < text.size() && text[end] == ';') {
    if (const auto character = named_entity(text.substr(0, end))) {
      length = end + 1;
      return encode_utf8({&*character, 1});
    }
  }
  for (size_t size = end; size >= 2; --size) {
    const auto character = named_entity(text.substr(0, size));
    if (character && *character < 0x100 && text.substr(0, size) != "apos") {
      length = size;
      return encode_utf8({&*character, 1});
    }
  }
  return "";
}

}  // namespace

std::string unescape_html(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '&') {
      result += text[i++];
      continue;
    }
    const std::string_view rest = text.substr(i + 1);
    size_t length = 0;
    const std::string character =
        rest.starts_with('#') ? numeric_reference(rest, length) : named_reference(rest, length);
    if (length == 0) {
      result += '&';
    } else {
      result += character;
    }
    i += 1 + length;
  }
  return result;
}

std::string clean_prompt(const std::string& prompt) {
  const auto text = decode_utf8(unescape_html(unescape_html(prompt)));
  LT_CHECK(text.has_value(), Error, "[clean_prompt] expected UTF-8 text, got other bytes: \"{}\"",
           prompt.substr(0, 60));
  std::u32string cleaned;
  for (const char32_t c : *text) {
    if (!is_space(c)) {
      cleaned += c;
    } else if (cleaned.empty() || cleaned.back() != U' ') {
      cleaned += U' ';
    }
  }
  while (!cleaned.empty() && is_stripped(cleaned.back())) cleaned.pop_back();
  return encode_utf8(cleaned.substr(std::find_if_not(cleaned.begin(), cleaned.end(), is_stripped) - cleaned.begin()));
}

}  // namespace lintorch::umt5
