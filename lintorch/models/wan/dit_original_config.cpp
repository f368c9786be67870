#include "lintorch/models/wan/dit_original_config.h"

#include <algorithm>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::wan {

namespace {

constexpr const char* kClassName = "WanModel";

// Wan's key, Diffusers' key. attention_head_dim is dim / num_heads.
constexpr std::pair<const char*, const char*> kRenamed[] = {{"num_heads", "num_attention_heads"},
                                                            {"num_layers", "num_layers"},
                                                            {"ffn_dim", "ffn_dim"},
                                                            {"freq_dim", "freq_dim"},
                                                            {"in_dim", "in_channels"},
                                                            {"out_dim", "out_channels"},
                                                            {"eps", "eps"},
                                                            {"text_dim", "text_dim"},
                                                            {"patch_size", "patch_size"},
                                                            {"cross_attn_norm", "cross_attn_norm"},
                                                            {"rope_max_seq_len", "rope_max_seq_len"},
                                                            {"attention", "attention"},
                                                            {"linear_attention", "linear_attention"}};
constexpr const char* kRequired[] = {"dim", "num_heads", "num_layers", "ffn_dim"};
// Without an effect on the transformer here: text is padded by the tokenizer, attention windows are always global.
constexpr const char* kIgnored[] = {"dim", "model_type", "text_len", "window_size", "qk_norm"};

template <size_t N>
bool contains(const char* const (&keys)[N], const std::string& key) {
  return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

void take_from_shapes(Json& plain, const TensorMap& state) {
  const auto text = state.find("condition_embedder.text_embedder.linear_1.weight");
  if (!plain.contains("text_dim") && text != state.end() && text->second.dim() == 2)
    plain["text_dim"] = text->second.size(1);
  const auto patch = state.find("patch_embedding.weight");
  if (!plain.contains("patch_size") && patch != state.end() && patch->second.dim() == 5)
    plain["patch_size"] = patch->second.sizes().slice(2).vec();
  if (!plain.contains("cross_attn_norm")) plain["cross_attn_norm"] = state.contains("blocks.0.norm2.weight");
}

}  // namespace

bool is_original_dit_config(const Json& json) {
  if (!json.is_object()) return false;
  if (json.contains("_class_name")) return json["_class_name"] == kClassName;
  return json.contains("dim") && json.contains("num_heads");
}

std::optional<WanDitConfig> original_dit_config(const Json& json, const TensorMap& state, const std::string& where) {
  const std::string type = json.contains("model_type") ? json["model_type"].dump() : "\"t2v\"";
  LT_CHECK(type == "\"t2v\"", NotSupportedError, "{}: expected \"t2v\", got {}: only text-to-video is supported",
           detail::join_path(where, "model_type"), type);
  for (const char* key : kRequired)
    if (!json.contains(key)) return std::nullopt;
  for (const char* key : {"dim", "num_heads"})
    LT_CHECK(json[key].is_number_integer() && json[key].get<int64_t>() > 0, ConfigError,
             "{}: expected a positive integer, got {}", detail::join_path(where, key), json[key].dump());
  const auto dim = json["dim"].get<int64_t>(), heads = json["num_heads"].get<int64_t>();
  LT_CHECK(dim % heads == 0, ConfigError, "{}: expected a multiple of num_heads = {}, got {}",
           detail::join_path(where, "dim"), heads, dim);
  Json plain = Json::object();
  for (const auto& [key, value] : json.items()) {
    const auto* renamed = std::find_if(std::begin(kRenamed), std::end(kRenamed),
                                       [&key = key](const auto& pair) { return key == pair.first; });
    if (renamed != std::end(kRenamed))
      plain[renamed->second] = value;
    else if (!contains(kIgnored, key) && key != "_class_name")
      plain[key] = value;  // refused by the reader unless it starts with '_'
  }
  plain["attention_head_dim"] = dim / heads;
  take_from_shapes(plain, state);
  return wan_dit_config_from_json(plain, where);
}

Json original_dit_config_json(const WanDitConfig& config) {
  const Json all = wan_dit_config_to_json(config);
  // What Wan writes, in its order.
  Json json = {{"_class_name", kClassName},
               {"_diffusers_version", "0.30.0"},
               {"dim", config.width()},
               {"eps", config.eps},
               {"ffn_dim", config.ffn_dim},
               {"freq_dim", config.freq_dim},
               {"in_dim", config.in_channels},
               {"model_type", "t2v"},
               {"num_heads", config.num_attention_heads},
               {"num_layers", config.num_layers},
               {"out_dim", config.out_channels},
               {"text_len", 512}};
  for (const char* key : {"attention", "linear_attention"})
    if (all.contains(key)) json[key] = all[key];
  if (config.rope_max_seq_len != WanDitConfig{}.rope_max_seq_len) json["rope_max_seq_len"] = config.rope_max_seq_len;
  return json;
}

}  // namespace lintorch::wan
