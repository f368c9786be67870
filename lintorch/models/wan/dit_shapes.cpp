#include "lintorch/models/wan/dit_shapes.h"

#include "lintorch/layers/nearest_shapes.h"

namespace lintorch::wan {

namespace {

class ShapeList {
 public:
  void linear(const std::string& name, int64_t in, int64_t out) {
    shapes[name + ".weight"] = {out, in};
    shapes[name + ".bias"] = {out};
  }
  layers::ShapeMap shapes;
};

void add_block(ShapeList& list, const std::string& block, const WanDitConfig& config, AttentionKind kind) {
  const int64_t D = config.width();
  for (const std::string attention : {".attn1", ".attn2"}) {
    for (const std::string part : {".to_q", ".to_k", ".to_v", ".to_out.0"}) list.linear(block + attention + part, D, D);
    list.shapes[block + attention + ".norm_q.weight"] = {D};
    list.shapes[block + attention + ".norm_k.weight"] = {D};
  }
  if (kind == AttentionKind::kLinear && ops::has_weights(config.linear_attention.feature_map))
    for (const std::string map : {".attn1.core.w_q", ".attn1.core.w_k"})
      list.shapes[block + map] = {config.num_attention_heads, config.attention_head_dim,
                                  config.linear_attention.feature_dim};
  if (config.cross_attn_norm) {
    list.shapes[block + ".norm2.weight"] = {D};
    list.shapes[block + ".norm2.bias"] = {D};
  }
  list.linear(block + ".ffn.net.0.proj", D, config.ffn_dim);
  list.linear(block + ".ffn.net.2", config.ffn_dim, D);
  list.shapes[block + ".scale_shift_table"] = {1, 6, D};
}

TensorMap without_cores(const TensorMap& state) {
  TensorMap plain;
  for (const auto& [name, tensor] : state)
    if (name.find(".attn1.core.") == std::string::npos) plain.emplace(name, tensor);
  return plain;
}

}  // namespace

layers::ShapeMap dit_shapes(const WanDitConfig& config) {
  const int64_t D = config.width();
  const auto& p = config.patch_size;
  ShapeList list;
  list.shapes["patch_embedding.weight"] = {D, config.in_channels, p[0], p[1], p[2]};
  list.shapes["patch_embedding.bias"] = {D};
  list.linear("condition_embedder.time_embedder.linear_1", config.freq_dim, D);
  list.linear("condition_embedder.time_embedder.linear_2", D, D);
  list.linear("condition_embedder.time_proj", D, 6 * D);
  list.linear("condition_embedder.text_embedder.linear_1", config.text_dim, D);
  list.linear("condition_embedder.text_embedder.linear_2", D, D);
  for (int64_t layer = 0; layer < config.num_layers; ++layer)
    add_block(list, "blocks." + std::to_string(layer), config, config.attention_of(layer));
  list.linear("proj_out", D, config.out_channels * p[0] * p[1] * p[2]);
  list.shapes["scale_shift_table"] = {1, 2, D};
  return list.shapes;
}

const std::vector<std::pair<std::string, WanDitConfig>>& dit_presets() {
  static const std::vector<std::pair<std::string, WanDitConfig>> presets = {
      {"t2v_1_3b", t2v_1_3b()}, {"t2v_14b", t2v_14b()}, {"tiny", tiny()}};
  return presets;
}

std::optional<std::pair<std::string, WanDitConfig>> matching_dit_preset(const TensorMap& state) {
  const layers::ShapeMap shapes = layers::shapes_of(without_cores(state));
  for (const auto& preset : dit_presets())
    if (shapes == dit_shapes(preset.second)) return preset;
  return std::nullopt;
}

std::string nearest_dit_preset(const TensorMap& state, bool with_differences) {
  std::vector<std::pair<std::string, layers::ShapeMap>> presets;
  for (const auto& [name, config] : dit_presets()) presets.emplace_back(name, dit_shapes(config));
  return layers::nearest_preset(state, presets, with_differences);
}

}  // namespace lintorch::wan
