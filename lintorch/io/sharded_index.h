#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "lintorch/core/tensor_map.h"
#include "lintorch/io/safetensors.h"

namespace lintorch::io {

/// What the Hugging Face libraries split checkpoints at.
inline constexpr uint64_t kDefaultShardBytes = 5'000'000'000;

/// Reads one logical checkpoint: a file (see read_tensor_file), a .safetensors.index.json file, or a folder that holds
/// "<stem>.safetensors" or "<stem>.safetensors.index.json" with its shards. Tensors share the mapped files.
///
/// Throws CheckpointError naming file and tensor if a shard is missing, a tensor is missing from its shard, sits in
/// another shard than the index says, or is not in the index; IoError if there is no checkpoint at all.
TensorMap read_checkpoint(const std::filesystem::path& file_or_folder, const std::string& stem);

/// The "__metadata__" of the same checkpoint; for shards, that of the first one; for files of torch.save, see
/// read_torch_archive_metadata. Throws as read_checkpoint.
Metadata read_checkpoint_metadata(const std::filesystem::path& file_or_folder, const std::string& stem);

/// Writes "<stem>.safetensors", or, if the tensors take more than max_shard_bytes, shards named
/// "<stem>-00001-of-00002.safetensors" (filled in the order of names) and "<stem>.safetensors.index.json" last.
/// Adds the metadata entry format = "pt" (asked for by transformers), unless given. Files of an earlier checkpoint
/// of the same stem are removed at the end; to replace a checkpoint atomically, write into an AtomicDir.
/// stored_dtype: see write_safetensors. max_shard_bytes: a larger tensor gets a shard of its own; 0 = one file.
void write_checkpoint(const std::filesystem::path& folder, const std::string& stem, const TensorMap& tensors,
                      const Metadata& metadata = {}, uint64_t max_shard_bytes = kDefaultShardBytes,
                      const StoredDtype& stored_dtype = {});

/// The same for tensors that are made as they are written, a shard at a time: their stored sizes in bytes, and what makes
/// the tensor of a name.
void write_checkpoint(const std::filesystem::path& folder, const std::string& stem,
                      const std::map<std::string, uint64_t>& sizes,
                      const std::function<at::Tensor(const std::string&)>& make, const Metadata& metadata,
                      uint64_t max_shard_bytes, const StoredDtype& stored_dtype = {});

}  // namespace lintorch::io
