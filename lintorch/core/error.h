#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace lintorch {

/// Base of every error that lintorch raises for something a user can cause or repair.
/// Message form: "[public_function] expected ..., got ...", then the remedy if there is one.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A configuration file, an override or a command line is wrong. The message names the JSON path.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// A checkpoint does not have the expected form. The message names the file and the tensor.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// A file cannot be read or written. The message names the path.
class IoError : public Error {
 public:
  using Error::Error;
};

/// The build, the machine or the model does not offer what was asked for.
class NotSupportedError : public Error {
 public:
  using Error::Error;
};

namespace detail {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}  // namespace detail

}  // namespace lintorch

/// Checks something a user can cause: LT_CHECK(ok, ConfigError, "[f] expected {}, got {}", a, b).
#define LT_CHECK(condition, ErrorType, ...)                      \
  do {                                                           \
    if (!(condition)) throw ErrorType(fmt::format(__VA_ARGS__)); \
  } while (false)

/// Checks an invariant of our own; never triggered by user input.
#define LT_ASSERT(condition)                                                                \
  do {                                                                                      \
    if (!(condition)) ::lintorch::detail::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (false)
