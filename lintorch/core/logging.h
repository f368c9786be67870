#pragma once

#include <fmt/format.h>

#include <string_view>

namespace lintorch {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Logs go to stderr; results go to files. Messages below the level are dropped.
void set_log_level(LogLevel level);

namespace detail {
void log_message(LogLevel level, std::string_view message);
}  // namespace detail

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  detail::log_message(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  detail::log_message(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  detail::log_message(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  detail::log_message(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace lintorch
