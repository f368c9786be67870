#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "lintorch/core/tensor_map.h"
#include "lintorch/io/safetensors.h"

namespace lintorch::io::detail {

/// The limit the format sets on its JSON header.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

struct SafetensorsHeader {
  std::map<std::string, TensorInfo> tensors;
  Metadata metadata;
};

/// Parses and checks a JSON header against the size of the data section. file names it in the CheckpointError.
SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_bytes, const std::string& file);

/// The name of a dtype in the format, e.g. "BF16"; empty if it has none.
std::string_view safetensors_dtype_name(at::ScalarType dtype);

/// Writes a header, padded with spaces so that the data section starts at a multiple of 8 bytes.
std::string format_safetensors_header(const SafetensorsHeader& header);

}  // namespace lintorch::io::detail
