#include "lintorch/models/umt5/config.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/models/umt5/config_file.h"

using namespace lintorch;

namespace {

struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / "lintorch_umt5_config_test";
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  umt5::Umt5Config read(const Json& json) const {
    write_json_file(path / "config.json", json);
    return umt5::read_umt5_config(path);
  }
};

}  // namespace

TEST_CASE("UMT5 config.json survives writing and reading", "[umt5_config]") {
  const Folder folder;
  umt5::write_umt5_config(folder.path, umt5::tiny(), c10::ScalarType::BFloat16);
  const auto config = umt5::read_umt5_config(folder.path);
  CHECK(config.d_model == 128);
  CHECK(config.d_kv == 32);
  CHECK(config.num_heads == 4);
  CHECK(config.d_ff == 256);
  CHECK(config.num_layers == 2);
  CHECK(config.vocab_size == 512);
  CHECK(read_json_file(folder.path / "config.json")["torch_dtype"] == "bfloat16");
}

TEST_CASE("the config.json of the Wan 2.1 repository is understood", "[umt5_config]") {
  const Folder folder;
  const auto config = folder.read(Json::parse(R"({"architectures": ["UMT5EncoderModel"], "classifier_dropout": 0.0,
    "d_ff": 10240, "d_kv": 64, "d_model": 4096, "decoder_start_token_id": 0, "dense_act_fn": "gelu_new",
    "dropout_rate": 0.1, "eos_token_id": 1, "feed_forward_proj": "gated-gelu", "initializer_factor": 1.0,
    "is_encoder_decoder": true, "is_gated_act": true, "layer_norm_epsilon": 1e-06, "model_type": "umt5",
    "num_decoder_layers": 24, "num_heads": 64, "num_layers": 24, "output_past": true, "pad_token_id": 0,
    "relative_attention_max_distance": 128, "relative_attention_num_buckets": 32, "scalable_attention": true,
    "tie_word_embeddings": false, "tokenizer_class": "T5Tokenizer", "torch_dtype": "float32",
    "transformers_version": "4.49.0", "use_cache": true, "vocab_size": 256384})"));
  CHECK(config.d_model == umt5::umt5_xxl().d_model);
  CHECK(config.vocab_size == umt5::umt5_xxl().vocab_size);
}

TEST_CASE("UMT5 configs that cannot work are refused", "[umt5_config]") {
  const Folder folder;
  umt5::write_umt5_config(folder.path, umt5::tiny(), c10::ScalarType::Float);
  const Json good = read_json_file(folder.path / "config.json");
  const auto changed = [&](const char* key, const Json& value) {
    Json json = good;
    json[key] = value;
    return folder.read(json);
  };
  CHECK_NOTHROW(folder.read(good));
  CHECK_THROWS_AS(changed("model_type", "t5"), NotSupportedError);
  CHECK_THROWS_AS(changed("feed_forward_proj", "relu"), NotSupportedError);
  CHECK_THROWS_AS(changed("is_gated_act", false), NotSupportedError);
  CHECK_THROWS_AS(changed("num_layers", 0), ConfigError);
  CHECK_THROWS_AS(changed("d_model", "128"), ConfigError);
  CHECK_THROWS_AS(changed("d_modle", 128), ConfigError);
  CHECK_THROWS_AS(changed("relative_attention_num_buckets", 30), ConfigError);
  CHECK_THROWS_AS(changed("relative_attention_max_distance", 8), ConfigError);
  CHECK_THROWS_AS(changed("layer_norm_epsilon", 0.0), ConfigError);
  CHECK_THROWS_AS(changed("initializer_factor", 0.0), ConfigError);
  CHECK_THROWS_AS(umt5::read_umt5_config("no/such/folder"), IoError);
}
