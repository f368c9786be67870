#pragma once

#include <filesystem>
#include <string>

#include "lintorch/io/safetensors.h"

namespace lintorch::test {

/// Path of a file in test/data.
inline std::filesystem::path test_data(const std::string& name) {
  return std::filesystem::path(LINTORCH_TEST_DATA) / name;
}

/// The tensors whose names start with `prefix`, without it.
inline TensorMap with_prefix(const TensorMap& tensors, const std::string& prefix) {
  TensorMap result;
  for (const auto& [name, tensor] : tensors)
    if (name.starts_with(prefix)) result[name.substr(prefix.size())] = tensor;
  return result;
}

}  // namespace lintorch::test
