#include "lintorch/models/umt5/checkpoint.h"

#include <ATen/ops/equal.h>

#include "lintorch/core/error.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/umt5/config_file.h"
#include "lintorch/models/umt5/key_map.h"

namespace lintorch::umt5 {
namespace {

constexpr const char* kEmbedding = "shared.weight";
constexpr const char* kEmbeddingAlias = "encoder.embed_tokens.weight";

TensorMap to_transformers_names(const TensorMap& official) {
  TensorMap renamed;
  for (const auto& [name, tensor] : official) renamed[umt5_key_map().forward(name).value_or(name)] = tensor;
  return renamed;
}

TensorMap read_state(const std::filesystem::path& folder) {
  TensorMap state = io::read_checkpoint(folder, "model");
  if (state.contains("token_embedding.weight")) state = to_transformers_names(state);
  const auto alias = state.find(kEmbeddingAlias);
  const auto embedding = state.find(kEmbedding);
  LT_CHECK(alias != state.end() || embedding != state.end(), CheckpointError,
           "[load_umt5] {} has no token embedding: expected {} or {}", folder.string(), kEmbedding, kEmbeddingAlias);
  if (alias != state.end()) {
    LT_CHECK(embedding == state.end() || at::equal(alias->second, embedding->second), CheckpointError,
             "[load_umt5] {} holds two different token embeddings, {} and {}", folder.string(), kEmbedding,
             kEmbeddingAlias);
    state[kEmbedding] = alias->second;
    state.erase(kEmbeddingAlias);
  }
  return state;
}

}  // namespace

Umt5Encoder load_umt5(const std::filesystem::path& folder, at::ScalarType dtype, c10::Device device) {
  const Umt5Config config = read_umt5_config(folder);
  const TensorMap state = read_state(folder);
  Umt5Encoder encoder(config, at::TensorOptions().dtype(dtype).device(device));
  layers::load_module_state(*encoder, state, folder.string());
  return encoder;
}

void save_umt5(const std::filesystem::path& folder, Umt5Encoder& encoder, at::ScalarType dtype,
               const io::Metadata& metadata) {
  TensorMap state = layers::module_state(*encoder);
  for (auto& [name, tensor] : state) tensor = tensor.to(dtype);
  write_umt5_config(folder, encoder->config(), dtype);
  io::write_checkpoint(folder, "model", state, metadata);
}

}  // namespace lintorch::umt5
