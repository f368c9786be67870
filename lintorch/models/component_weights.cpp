#include "lintorch/models/component_weights.h"

#include "lintorch/core/error.h"
#include "lintorch/io/torch_archive.h"

namespace lintorch {

std::optional<Json> config_in_metadata(const io::Metadata& metadata, const std::string& where) {
  const auto entry = metadata.find(kConfigMetadata);
  if (entry == metadata.end()) return std::nullopt;
  Json json = Json::parse(entry->second, nullptr, /*allow_exceptions=*/false);
  LT_CHECK(!json.is_discarded(), CheckpointError, "{}: its metadata {} is not JSON", where, kConfigMetadata);
  return json;
}

TensorMap to_original_names(const TensorMap& state, const io::KeyMap& names, std::string_view who) {
  TensorMap original;
  for (const auto& [name, tensor] : state) {
    const auto renamed = names.backward(name);
    LT_CHECK(renamed, CheckpointError, "[{}] {} has no original Wan name", who, name);
    original.emplace(*renamed, tensor);
  }
  return original;
}

void write_component(const std::filesystem::path& folder, const ComponentNames& names, const TensorMap& state,
                     const Json& config, const WeightFormat& format, std::string_view who) {
  io::Metadata metadata = format.metadata;
  metadata[kConfigMetadata] = config.dump();
  io::StoredDtype stored_dtype;
  if (format.dtype) stored_dtype = [&](const std::string&, at::ScalarType) { return *format.dtype; };
  if (format.layout == ModelLayout::kOriginal) {
    io::write_torch_archive(folder / (names.original_stem + ".pth"), to_original_names(state, names.tensors, who),
                            metadata, stored_dtype);
    return;
  }
  io::write_checkpoint(folder, names.stem, state, metadata, format.max_shard_bytes, stored_dtype);
  write_json_file(folder / "config.json", config);
}

}  // namespace lintorch
