#include "lintorch/models/wan/config.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::wan {
namespace {

constexpr const char* kClassName = "WanTransformer3DModel";
// Keys of Diffusers' class that only image-to-video models set.
constexpr const char* kImageKeys[] = {"added_kv_proj_dim", "image_dim", "pos_embed_seq_len"};

}  // namespace

AttentionKind WanDitConfig::attention_of(int64_t layer) const {
  if (layer < 0 || layer >= num_layers) throw std::out_of_range(fmt::format("no layer {} of {}", layer, num_layers));
  return attention.empty() ? AttentionKind::kSoftmax : attention.at(layer);
}

bool WanDitConfig::has_linear_attention() const {
  return std::find(attention.begin(), attention.end(), AttentionKind::kLinear) != attention.end();
}

void WanDitConfig::validate(const std::string& path) const {
  const std::pair<const char*, int64_t> positive[] = {{"num_attention_heads", num_attention_heads},
                                                      {"attention_head_dim", attention_head_dim},
                                                      {"in_channels", in_channels},
                                                      {"out_channels", out_channels},
                                                      {"text_dim", text_dim},
                                                      {"freq_dim", freq_dim},
                                                      {"ffn_dim", ffn_dim},
                                                      {"num_layers", num_layers},
                                                      {"rope_max_seq_len", rope_max_seq_len}};
  for (const auto& [name, value] : positive)
    LT_CHECK(value > 0, ConfigError, "{}: expected a positive value, got {}", detail::join_path(path, name), value);
  LT_CHECK(attention_head_dim >= 6 && attention_head_dim % 2 == 0, ConfigError,
           "{}: expected an even value of at least 6, got {}", detail::join_path(path, "attention_head_dim"),
           attention_head_dim);
  LT_CHECK(freq_dim % 2 == 0, ConfigError, "{}: expected an even value, got {}", detail::join_path(path, "freq_dim"),
           freq_dim);
  LT_CHECK(qk_norm == "rms_norm_across_heads", ConfigError, "{}: expected rms_norm_across_heads, got \"{}\"",
           detail::join_path(path, "qk_norm"), qk_norm);
  LT_CHECK(patch_size.size() == 3 && std::all_of(patch_size.begin(), patch_size.end(), [](int64_t p) { return p > 0; }),
           ConfigError, "{}: expected three positive values", detail::join_path(path, "patch_size"));
  LT_CHECK(attention.empty() || static_cast<int64_t>(attention.size()) == num_layers, ConfigError,
           "{}: expected one entry for each of {} layers, got {}", detail::join_path(path, "attention"), num_layers,
           attention.size());
  if (has_linear_attention())
    linear_attention.validate_for_head(detail::join_path(path, "linear_attention"), attention_head_dim);
}

WanDitConfig t2v_1_3b() { return {}; }

WanDitConfig t2v_14b() {
  WanDitConfig config;
  config.num_attention_heads = 40;
  config.num_layers = 40;
  config.ffn_dim = 13824;
  return config;
}

WanDitConfig tiny() {
  WanDitConfig config;
  config.num_attention_heads = 4;
  config.attention_head_dim = 64;
  config.ffn_dim = 1024;
  config.num_layers = 8;
  config.text_dim = 128;
  config.linear_attention.feature_dim = 64;
  return config;
}

WanDitConfig wan_dit_config_from_json(const Json& json, const std::string& where) {
  WanDitConfig config;
  if (const auto it = json.find("_class_name"); it != json.end())
    LT_CHECK(*it == kClassName, ConfigError, "{}: expected {}, got {}", detail::join_path(where, "_class_name"),
             kClassName, it->dump());
  for (const char* key : kImageKeys)
    LT_CHECK(!json.contains(key) || json[key].is_null(), NotSupportedError,
             "{}: expected null, got {}: image-to-video models are not supported", detail::join_path(where, key),
             json[key].dump());
  // Diffusers means "as in_channels" by null.
  Json plain = json;
  if (plain.contains("out_channels") && plain["out_channels"].is_null() && plain.contains("in_channels"))
    plain["out_channels"] = plain["in_channels"];
  ConfigReader plain_reader(plain, where);
  config.visit(plain_reader);
  plain_reader.refuse_unknown({std::begin(kImageKeys), std::end(kImageKeys)});
  if (!json.contains("linear_attention")) config.linear_attention.feature_dim = config.attention_head_dim;
  config.validate(where);
  return config;
}

Json wan_dit_config_to_json(const WanDitConfig& config) {
  Json json = {{"_class_name", kClassName}, {"_diffusers_version", "0.33.0"}};
  json.update(config_to_json(config));
  for (const char* key : kImageKeys) json[key] = nullptr;
  if (!config.has_linear_attention()) {
    json.erase("attention");
    json.erase("linear_attention");
  }
  return json;
}

}  // namespace lintorch::wan
