#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "lintorch/core/json.h"
#include "lintorch/io/key_map.h"
#include "lintorch/models/model_layout.h"

namespace lintorch {

/// The config that a weight file carries under kConfigMetadata; nullopt if it has none. Throws CheckpointError
/// "`where`: ..." if that is no JSON.
std::optional<Json> config_in_metadata(const io::Metadata& metadata, const std::string& where);

/// `state` under the original names, which are the left ones of `names`. Throws CheckpointError "[`who`] ..." for a tensor
/// that has none.
TensorMap to_original_names(const TensorMap& state, const io::KeyMap& names, std::string_view who);

/// How a component with one number format is called in both layouts.
struct ComponentNames {
  std::string stem;           ///< Hugging Face's layout: "<stem>.safetensors" beside config.json
  std::string original_stem;  ///< original layout: "<original_stem>.pth"
  const io::KeyMap& tensors;  ///< original names, Hugging Face's names
};

/// Writes the weights and the config of a component; in the original layout one file of torch.save, whatever
/// format.max_shard_bytes says, as Wan's code loads no other, and the config in its metadata alone.
void write_component(const std::filesystem::path& folder, const ComponentNames& names, const TensorMap& state,
                     const Json& config, const WeightFormat& format, std::string_view who);

}  // namespace lintorch
