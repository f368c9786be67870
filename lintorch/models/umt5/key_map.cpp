#include "lintorch/models/umt5/key_map.h"

namespace lintorch::umt5 {

const io::KeyMap& umt5_key_map() {
  static const io::KeyMap map = {{"token_embedding.weight", "shared.weight"},
                                 {"blocks.{}.norm1.weight", "encoder.block.{}.layer.0.layer_norm.weight"},
                                 {"blocks.{}.attn.q.weight", "encoder.block.{}.layer.0.SelfAttention.q.weight"},
                                 {"blocks.{}.attn.k.weight", "encoder.block.{}.layer.0.SelfAttention.k.weight"},
                                 {"blocks.{}.attn.v.weight", "encoder.block.{}.layer.0.SelfAttention.v.weight"},
                                 {"blocks.{}.attn.o.weight", "encoder.block.{}.layer.0.SelfAttention.o.weight"},
                                 {"blocks.{}.pos_embedding.embedding.weight",
                                  "encoder.block.{}.layer.0.SelfAttention.relative_attention_bias.weight"},
                                 {"blocks.{}.norm2.weight", "encoder.block.{}.layer.1.layer_norm.weight"},
                                 {"blocks.{}.ffn.gate.0.weight", "encoder.block.{}.layer.1.DenseReluDense.wi_0.weight"},
                                 {"blocks.{}.ffn.fc1.weight", "encoder.block.{}.layer.1.DenseReluDense.wi_1.weight"},
                                 {"blocks.{}.ffn.fc2.weight", "encoder.block.{}.layer.1.DenseReluDense.wo.weight"},
                                 {"norm.weight", "encoder.final_layer_norm.weight"}};
  return map;
}

}  // namespace lintorch::umt5
