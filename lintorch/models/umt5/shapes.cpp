#include "lintorch/models/umt5/shapes.h"

#include "lintorch/core/error.h"
#include "lintorch/layers/nearest_shapes.h"

namespace lintorch::umt5 {

layers::ShapeMap umt5_shapes(const Umt5Config& config) {
  const int64_t D = config.d_model, inner = config.num_heads * config.d_kv;
  layers::ShapeMap shapes = {{"shared.weight", {config.vocab_size, D}}, {"encoder.final_layer_norm.weight", {D}}};
  for (int64_t i = 0; i < config.num_layers; ++i) {
    const std::string block = "encoder.block." + std::to_string(i) + ".layer.";
    for (const std::string part : {"q", "k", "v"}) shapes[block + "0.SelfAttention." + part + ".weight"] = {inner, D};
    shapes[block + "0.SelfAttention.o.weight"] = {D, inner};
    shapes[block + "0.SelfAttention.relative_attention_bias.weight"] = {config.relative_attention_num_buckets,
                                                                        config.num_heads};
    shapes[block + "0.layer_norm.weight"] = {D};
    shapes[block + "1.DenseReluDense.wi_0.weight"] = {config.d_ff, D};
    shapes[block + "1.DenseReluDense.wi_1.weight"] = {config.d_ff, D};
    shapes[block + "1.DenseReluDense.wo.weight"] = {D, config.d_ff};
    shapes[block + "1.layer_norm.weight"] = {D};
  }
  return shapes;
}

Umt5Config umt5_config_from_shapes(const TensorMap& state, const std::string& what) {
  const auto matrix = [&](const std::string& name) {
    const auto it = state.find(name);
    LT_CHECK(it != state.end() && it->second.dim() == 2, CheckpointError,
             "[{}] cannot tell the sizes of the text encoder: expected a matrix {}; {}", what, name,
             nearest_umt5_preset(state));
    return it->second.sizes();
  };
  const std::string block = "encoder.block.0.layer.";
  Umt5Config config = umt5_xxl();
  config.vocab_size = matrix("shared.weight")[0];
  config.d_model = matrix("shared.weight")[1];
  config.num_heads = matrix(block + "0.SelfAttention.relative_attention_bias.weight")[1];
  config.relative_attention_num_buckets = matrix(block + "0.SelfAttention.relative_attention_bias.weight")[0];
  const int64_t inner = matrix(block + "0.SelfAttention.q.weight")[0];
  LT_CHECK(config.num_heads > 0 && inner % config.num_heads == 0, CheckpointError,
           "[{}] cannot tell the sizes of the text encoder: {} channels for {} heads", what, inner, config.num_heads);
  config.d_kv = inner / config.num_heads;
  config.d_ff = matrix(block + "1.DenseReluDense.wi_0.weight")[0];
  config.num_layers = 0;
  while (state.contains("encoder.block." + std::to_string(config.num_layers) + ".layer.0.layer_norm.weight"))
    ++config.num_layers;
  return config;
}

std::string nearest_umt5_preset(const TensorMap& state) {
  return layers::nearest_preset(state, {{"umt5_xxl", umt5_shapes(umt5_xxl())}, {"tiny", umt5_shapes(tiny())}});
}

}  // namespace lintorch::umt5
