#include "lintorch/models/wan/config.h"

#include <catch2/catch.hpp>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

using namespace lintorch;
using wan::AttentionKind;

TEST_CASE("wan_dit_config round trips through Diffusers' JSON", "[wan_config]") {
  wan::WanDitConfig mixed = wan::tiny();
  mixed.attention.assign(8, AttentionKind::kSoftmax);
  mixed.attention[3] = AttentionKind::kLinear;
  for (const auto& config : {wan::t2v_1_3b(), wan::t2v_14b(), wan::tiny(), mixed}) {
    const Json json = wan::wan_dit_config_to_json(config);
    const auto read = wan::wan_dit_config_from_json(json);
    CHECK(config_to_json(read) == config_to_json(config));
    CHECK(json.contains("attention") == config.has_linear_attention());
  }
  CHECK(wan::wan_dit_config_to_json(mixed)["attention"][3] == "linear");
}

TEST_CASE("wan_dit_config reads the published 1.3B file", "[wan_config]") {
  const Json json = Json::parse(R"({"_class_name": "WanTransformer3DModel", "_diffusers_version": "0.33.0.dev0",
    "added_kv_proj_dim": null, "attention_head_dim": 128, "cross_attn_norm": true, "eps": 1e-06, "ffn_dim": 8960,
    "freq_dim": 256, "image_dim": null, "in_channels": 16, "num_attention_heads": 12, "num_layers": 30,
    "out_channels": 16, "patch_size": [1, 2, 2], "qk_norm": "rms_norm_across_heads", "rope_max_seq_len": 1024,
    "text_dim": 4096})");
  CHECK(config_to_json(wan::wan_dit_config_from_json(json)) == config_to_json(wan::t2v_1_3b()));
  CHECK(wan::t2v_1_3b().width() == 1536);
  CHECK(wan::t2v_14b().width() == 5120);
}

TEST_CASE("wan_dit_config fits the feature width to the heads when the file has none", "[wan_config]") {
  CHECK(wan::wan_dit_config_from_json({{"attention_head_dim", 12}}).linear_attention.feature_dim == 12);
}

TEST_CASE("wan_dit_config refuses what it cannot run", "[wan_config]") {
  const auto read = [](Json change) {
    Json json = wan::wan_dit_config_to_json(wan::tiny());
    json.update(change);
    return wan::wan_dit_config_from_json(json, "config.json:");
  };
  CHECK_NOTHROW(read(Json::object()));
  CHECK(read({{"out_channels", nullptr}}).out_channels == 16);
  CHECK_THROWS_AS(read({{"image_dim", 1280}}), NotSupportedError);
  CHECK_THROWS_WITH(read({{"_class_name", "AutoencoderKLWan"}}), Catch::Contains("WanTransformer3DModel"));
  CHECK_THROWS_WITH(read({{"num_layer", 3}}), Catch::Contains("did you mean \"num_layers\"?"));
  CHECK_THROWS_WITH(read({{"qk_norm", "layer_norm"}}), Catch::Contains("config.json: qk_norm"));
  CHECK_THROWS_WITH(read({{"attention", {"linear"}}}), Catch::Contains("attention: expected one entry"));
  CHECK_THROWS_AS(read({{"attention_head_dim", 63}}), ConfigError);
  CHECK_THROWS_AS(read({{"freq_dim", 255}}), ConfigError);
  CHECK_THROWS_AS(read({{"patch_size", {1, 2}}}), ConfigError);
  CHECK_THROWS_AS(read({{"num_layers", 0}}), ConfigError);
  CHECK_THROWS_WITH(read({{"num_layers", 1}, {"attention", {"linear"}}, {"linear_attention", {{"feature_dim", 32}}}}),
                    Catch::Contains("use init = kaiming"));
}

TEST_CASE("attention_of tells the kind of each layer", "[wan_config]") {
  wan::WanDitConfig config = wan::tiny();
  CHECK(config.attention_of(7) == AttentionKind::kSoftmax);
  CHECK_THROWS_AS(config.attention_of(8), std::out_of_range);
  config.attention.assign(8, AttentionKind::kLinear);
  CHECK(config.attention_of(0) == AttentionKind::kLinear);
}

TEST_CASE("wan_dit_config keeps the RoPE order of linear layers and refuses one that does not fit", "[wan_config]") {
  wan::WanDitConfig config = wan::tiny();
  config.attention.assign(8, AttentionKind::kLinear);
  CHECK(wan::wan_dit_config_to_json(config)["linear_attention"]["rope"] == "before");
  config.linear_attention.rope = layers::RopeOrder::kAfter;
  Json json = wan::wan_dit_config_to_json(config);
  CHECK(json["linear_attention"]["rope"] == "after");
  CHECK(wan::wan_dit_config_from_json(json).linear_attention.rope == layers::RopeOrder::kAfter);
  json["linear_attention"]["feature_map"] = "taylor";
  CHECK_THROWS_WITH(
      wan::wan_dit_config_from_json(json, "config.json:"),
      Catch::Contains("config.json: linear_attention.rope") && Catch::Contains("4161 features of taylor"));
  // Folders from before the key was there.
  json["linear_attention"].erase("rope");
  CHECK(wan::wan_dit_config_from_json(json).linear_attention.rope == layers::RopeOrder::kBefore);
}
