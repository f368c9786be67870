#include "lintorch/models/umt5/checkpoint.h"

#include <ATen/ops/equal.h>

#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/io/mapped_file.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/component_weights.h"
#include "lintorch/models/umt5/config_file.h"
#include "lintorch/models/umt5/key_map.h"
#include "lintorch/models/umt5/shapes.h"

namespace lintorch::umt5 {
namespace {

constexpr const char* kStem = "model";
constexpr const char* kEmbedding = "shared.weight";
constexpr const char* kEmbeddingAlias = "encoder.embed_tokens.weight";
constexpr const char* kOriginalEmbedding = "token_embedding.weight";

TensorMap to_transformers_names(const TensorMap& official) {
  TensorMap renamed;
  for (const auto& [name, tensor] : official) renamed[umt5_key_map().forward(name).value_or(name)] = tensor;
  return renamed;
}

// The embedding under one name.
void merge_embeddings(TensorMap& state, const std::string& where) {
  const auto alias = state.find(kEmbeddingAlias);
  if (alias == state.end()) return;
  if (const auto embedding = state.find(kEmbedding); embedding != state.end()) {
    LT_CHECK(at::equal(alias->second, embedding->second), CheckpointError,
             "[load_umt5] {} holds two different token embeddings, {} and {}", where, kEmbedding, kEmbeddingAlias);
    io::release_pages(alias->second);
  }
  state[kEmbedding] = alias->second;
  state.erase(kEmbeddingAlias);
}

// The config, and where it comes from.
std::pair<Umt5Config, std::string> find_config(const std::filesystem::path& path, const TensorMap& state) {
  if (std::filesystem::is_directory(path)) return {read_umt5_config(path), "config.json"};
  const auto json = config_in_metadata(io::read_checkpoint_metadata(path, kStem), "[load_umt5] " + path.string());
  if (json) return {umt5_config_from_json(*json, path.string() + ", metadata:"), "the metadata of the file"};
  return {umt5_config_from_shapes(state, "load_umt5: " + path.string()), "the shapes"};
}

}  // namespace

Umt5Source open_umt5(const std::filesystem::path& path) {
  const std::string where = path.string();
  if (std::filesystem::is_directory(path)) read_umt5_config(path);  // the first thing to be wrong with a folder
  TensorMap state = io::read_checkpoint(path, kStem);
  const bool original = state.contains(kOriginalEmbedding);
  const bool transformers = state.contains(kEmbedding) || state.contains(kEmbeddingAlias);
  LT_CHECK(original || transformers, CheckpointError,
           "[load_umt5] {} has no token embedding: expected {} or {} (transformers' names), or {} (original names)",
           where, kEmbedding, kEmbeddingAlias, kOriginalEmbedding);
  LT_CHECK(!(original && transformers), CheckpointError,
           "[load_umt5] {}: ambiguous: it has the token embedding in transformers' and in original names", where);
  if (original) state = to_transformers_names(state);
  merge_embeddings(state, where);
  const auto [config, origin] = find_config(path, state);
  const auto report = layers::compare_state(umt5_shapes(config), state);
  LT_CHECK(report.fits(), CheckpointError, "[load_umt5] {}: expected the tensors of {} exactly, got{}\n  {}", where,
           origin, report.text(), nearest_umt5_preset(state));
  log_info("{}: UMT5 text encoder, {} names, {} layers of width {}, config from {}", where,
           original ? "original Wan" : "transformers'", config.num_layers, config.d_model, origin);
  return {config, std::move(state)};
}

Umt5Encoder load_umt5(const std::filesystem::path& path, at::ScalarType dtype, c10::Device device) {
  return load_umt5(open_umt5(path), dtype, device);
}

Umt5Encoder load_umt5(const Umt5Source& source, at::ScalarType dtype, c10::Device device) {
  Umt5Encoder encoder(source.config, at::TensorOptions().dtype(dtype).device(device));
  layers::load_module_state(*encoder, source.state, "load_umt5", io::release_pages);
  encoder->eval();
  return encoder;
}

void write_umt5(const std::filesystem::path& folder, const Umt5Config& config, const TensorMap& state,
                const WeightFormat& format) {
  const auto dtype = format.dtype.value_or(state.at(kEmbedding).scalar_type());
  write_component(folder, {kStem, kOriginalUmt5Stem, umt5_key_map()}, state, umt5_config_json(config, dtype), format,
                  "write_umt5");
}

void save_umt5(const std::filesystem::path& folder, Umt5Encoder& encoder, at::ScalarType dtype,
               const io::Metadata& metadata) {
  write_umt5(folder, encoder->config(), layers::module_state(*encoder), {.dtype = dtype, .metadata = metadata});
}

}  // namespace lintorch::umt5
