#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lintorch/inspect/tensor_spec.h"
#include "lintorch/io/safetensors.h"

namespace lintorch::inspect {

/// The random tensors of a checkpoint. A tensor's values depend on seed and name alone, whatever it is stored as.
struct RandomTensors {
  std::vector<TensorSpec> tensors;
  uint64_t seed = 0;
  std::function<at::ScalarType(const std::string& name)> dtype_of;    ///< number format it is stored in
  std::function<std::string(const std::string& name)> stored_name{};  ///< name in the file; empty: its own
  io::Metadata metadata{};
};

/// Writes them shard by shard, in the form of io::write_checkpoint: at most max_shard_bytes of them (and one tensor in
/// fp32) are in memory at a time. Throws ConfigError if max_shard_bytes is below 1, IoError.
void write_random_checkpoint(const std::filesystem::path& folder, const std::string& stem, const RandomTensors& random,
                             int64_t max_shard_bytes);

/// Writes them as one file of torch.save, with one tensor in memory at a time. Throws IoError.
void write_random_torch_archive(const std::filesystem::path& file, const RandomTensors& random);

}  // namespace lintorch::inspect
