#pragma once

#include <optional>
#include <string_view>

namespace lintorch::umt5 {

/// The character of a named HTML entity ("amp", "eacute", "hellip"), without '&' and ';'; nullopt for other names.
std::optional<char32_t> named_entity(std::string_view name);

}  // namespace lintorch::umt5
