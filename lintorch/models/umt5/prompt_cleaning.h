#pragma once

#include <string>
#include <string_view>

namespace lintorch::umt5 {

/// Prepares a prompt as Wan does: HTML entities replaced twice ("&amp;lt;" -> "<"), runs of white space (in the
/// Unicode sense) replaced by one space, both ends stripped. What ftfy would do beyond that is listed in docs/parity.md.
/// Throws Error for text that is not valid UTF-8.
std::string clean_prompt(const std::string& prompt);

/// Replaces HTML character references once: numeric ones and all named ones of HTML 4, as Python's html.unescape.
std::string unescape_html(std::string_view text);

}  // namespace lintorch::umt5
