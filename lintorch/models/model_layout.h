#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>

#include "lintorch/core/enum_names.h"
#include "lintorch/io/sharded_index.h"

namespace lintorch {

/// The two forms in which Wan 2.1 models are published: Hugging Face's WanPipeline folder, and Wan's own repository. They
/// differ in files, configs and tensor names.
enum class ModelLayout { kDiffusers, kOriginal };

/// The metadata entry of a weight file that holds its config as JSON (Diffusers' or transformers' config.json), so that a
/// file says by itself what it is.
inline constexpr const char* kConfigMetadata = "lintorch.config";

/// How to write the weights of a component.
struct WeightFormat {
  ModelLayout layout = ModelLayout::kDiffusers;
  std::optional<at::ScalarType> dtype;                ///< nullopt: as the tensors are
  uint64_t max_shard_bytes = io::kDefaultShardBytes;  ///< 0: one file
  io::Metadata metadata = {};
};

template <>
struct EnumNames<ModelLayout> {
  static constexpr std::pair<ModelLayout, std::string_view> table[] = {{ModelLayout::kDiffusers, "diffusers"},
                                                                       {ModelLayout::kOriginal, "original"}};
};

}  // namespace lintorch
