#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "lintorch/core/error.h"

namespace lintorch {

/// Specialize with `static constexpr std::pair<E, std::string_view> table[] = {...}` to give an enum its names in
/// configs, logs and messages.
template <class E>
struct EnumNames;

template <class E>
concept NamedEnum = requires {
  EnumNames<E>::table;
};

template <NamedEnum E>
std::string_view enum_name(E value) {
  for (const auto& [entry, name] : EnumNames<E>::table)
    if (entry == value) return name;
  throw std::logic_error("enum value without a name");
}

/// All names, separated by "|".
template <NamedEnum E>
std::string enum_choices() {
  std::string choices;
  for (const auto& [entry, name] : EnumNames<E>::table) {
    if (!choices.empty()) choices += '|';
    choices += name;
  }
  return choices;
}

/// Throws ConfigError listing the choices; `where` names the config path or flag.
template <NamedEnum E>
E enum_from_name(std::string_view name, std::string_view where) {
  for (const auto& [entry, entry_name] : EnumNames<E>::table)
    if (entry_name == name) return entry;
  throw ConfigError(fmt::format("{}: expected one of {}, got \"{}\"", where, enum_choices<E>(), name));
}

}  // namespace lintorch
