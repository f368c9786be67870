#include "lintorch/inspect/tensor_spec.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <numeric>

namespace lintorch::inspect {
namespace {

double inverse_sqrt(int64_t n) { return 1 / std::sqrt(static_cast<double>(n)); }

/// Collects the specs of one checkpoint under name prefixes.
class Specs {
 public:
  void weight(const std::string& name, std::vector<int64_t> shape, double std) {
    list.push_back({name, std::move(shape), 0, std});
  }

  void ones(const std::string& name, int64_t size) { list.push_back({name, {size}, 1, 0}); }

  /// Weight and zero bias; std < 0: Xavier.
  void linear(const std::string& name, int64_t out, int64_t in, double std = -1) {
    weight(name + ".weight", {out, in}, std < 0 ? std::sqrt(2.0 / static_cast<double>(in + out)) : std);
    list.push_back({name + ".bias", {out}});
  }

  std::vector<TensorSpec> list;
};

void add_feature_maps(Specs& specs, const std::string& core, const wan::WanDitConfig& config) {
  if (config.linear_attention.feature_map != ops::FeatureMap::kHedgehog) return;
  const int64_t K = config.attention_head_dim, M = config.linear_attention.feature_dim;
  const bool identity = config.linear_attention.init == layers::FeatureMapInit::kIdentity;
  for (const char* name : {"w_q", "w_k"}) {
    TensorSpec spec{core + name, {config.num_attention_heads, K, M}};
    spec.identity = identity;
    // The deviation of Kaiming-uniform values, which spread over +-1/sqrt(K).
    if (!identity) spec.std = inverse_sqrt(3 * K);
    specs.list.push_back(spec);
  }
}

}  // namespace

int64_t TensorSpec::numel() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

int64_t count_parameters(const std::vector<TensorSpec>& tensors) {
  int64_t count = 0;
  for (const auto& spec : tensors) count += spec.numel();
  return count;
}

std::vector<TensorSpec> wan_dit_tensors(const wan::WanDitConfig& config) {
  config.validate("transformer");
  const int64_t D = config.width();
  const auto& p = config.patch_size;
  const int64_t patch = p[0] * p[1] * p[2];
  Specs specs;
  specs.weight("patch_embedding.weight", {D, config.in_channels, p[0], p[1], p[2]},
               std::sqrt(2.0 / static_cast<double>(D + config.in_channels * patch)));
  specs.list.push_back({"patch_embedding.bias", {D}});
  specs.linear("condition_embedder.time_embedder.linear_1", D, config.freq_dim, 0.02);
  specs.linear("condition_embedder.time_embedder.linear_2", D, D, 0.02);
  specs.linear("condition_embedder.time_proj", 6 * D, D);
  specs.linear("condition_embedder.text_embedder.linear_1", D, config.text_dim, 0.02);
  specs.linear("condition_embedder.text_embedder.linear_2", D, D, 0.02);
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const std::string block = fmt::format("blocks.{}.", layer);
    for (const std::string attention : {"attn1.", "attn2."}) {
      for (const char* projection : {"to_q", "to_k", "to_v", "to_out.0"})
        specs.linear(block + attention + projection, D, D);
      specs.ones(block + attention + "norm_q.weight", D);
      specs.ones(block + attention + "norm_k.weight", D);
    }
    if (config.attention_of(layer) == wan::AttentionKind::kLinear)
      add_feature_maps(specs, block + "attn1.core.", config);
    if (config.cross_attn_norm) {
      specs.ones(block + "norm2.weight", D);
      specs.list.push_back({block + "norm2.bias", {D}});
    }
    specs.linear(block + "ffn.net.0.proj", config.ffn_dim, D);
    specs.linear(block + "ffn.net.2", D, config.ffn_dim);
    specs.weight(block + "scale_shift_table", {1, 6, D}, inverse_sqrt(D));
  }
  specs.linear("proj_out", config.out_channels * patch, D);
  specs.weight("scale_shift_table", {1, 2, D}, inverse_sqrt(D));
  return specs.list;
}

std::vector<TensorSpec> umt5_tensors(const umt5::Umt5Config& config) {
  config.validate("text_encoder");
  const int64_t D = config.d_model, inner = config.num_heads * config.d_kv;
  const double factor = config.initializer_factor;
  Specs specs;
  specs.weight("shared.weight", {config.vocab_size, D}, factor);
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const std::string block = fmt::format("encoder.block.{}.layer.", layer);
    const std::string attention = block + "0.SelfAttention.", feed_forward = block + "1.DenseReluDense.";
    specs.weight(attention + "q.weight", {inner, D}, factor * inverse_sqrt(D * config.d_kv));
    specs.weight(attention + "k.weight", {inner, D}, factor * inverse_sqrt(D));
    specs.weight(attention + "v.weight", {inner, D}, factor * inverse_sqrt(D));
    specs.weight(attention + "o.weight", {D, inner}, factor * inverse_sqrt(inner));
    specs.weight(attention + "relative_attention_bias.weight",
                 {config.relative_attention_num_buckets, config.num_heads}, factor * inverse_sqrt(D));
    specs.ones(block + "0.layer_norm.weight", D);
    specs.weight(feed_forward + "wi_0.weight", {config.d_ff, D}, factor * inverse_sqrt(D));
    specs.weight(feed_forward + "wi_1.weight", {config.d_ff, D}, factor * inverse_sqrt(D));
    specs.weight(feed_forward + "wo.weight", {D, config.d_ff}, factor * inverse_sqrt(config.d_ff));
    specs.ones(block + "1.layer_norm.weight", D);
  }
  specs.ones("encoder.final_layer_norm.weight", D);
  return specs.list;
}

}  // namespace lintorch::inspect
