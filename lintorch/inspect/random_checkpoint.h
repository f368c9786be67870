#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lintorch/inspect/tensor_spec.h"

namespace lintorch::inspect {

/// Writes a checkpoint of random tensors shard by shard, in the form of io::write_checkpoint: at most max_shard_bytes of
/// them (and one tensor in fp32) are in memory at a time. A tensor's values depend on seed and name alone.
/// dtype_of gives the dtype in which a tensor is stored. Throws ConfigError if max_shard_bytes is below 1, IoError.
void write_random_checkpoint(const std::filesystem::path& folder, const std::string& stem,
                             const std::vector<TensorSpec>& tensors, uint64_t seed,
                             const std::function<at::ScalarType(const std::string&)>& dtype_of,
                             int64_t max_shard_bytes);

}  // namespace lintorch::inspect
