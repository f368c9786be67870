#include "lintorch/models/umt5/config_file.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::umt5 {
namespace {

// Entries whose value the encoder relies on.
Json required_values() {
  return Json::parse(R"({"model_type": "umt5", "feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new",
                         "is_gated_act": true})");
}

// Entries of transformers' files that say nothing about the encoder's computation (heads, decoder, generation, dropout).
const std::set<std::string>& foreign_keys() {
  static const std::set<std::string> keys = {"add_cross_attention",
                                             "architectures",
                                             "bos_token_id",
                                             "chunk_size_feed_forward",
                                             "classifier_dropout",
                                             "cross_attention_hidden_size",
                                             "decoder_start_token_id",
                                             "dropout_rate",
                                             "dtype",
                                             "eos_token_id",
                                             "finetuning_task",
                                             "head_dim",
                                             "id2label",
                                             "is_decoder",
                                             "is_encoder_decoder",
                                             "label2id",
                                             "n_positions",
                                             "num_decoder_layers",
                                             "output_attentions",
                                             "output_hidden_states",
                                             "output_past",
                                             "pad_token_id",
                                             "prefix",
                                             "problem_type",
                                             "pruned_heads",
                                             "return_dict",
                                             "scalable_attention",
                                             "sep_token_id",
                                             "task_specific_params",
                                             "tf_legacy_loss",
                                             "tie_encoder_decoder",
                                             "tie_word_embeddings",
                                             "tokenizer_class",
                                             "torch_dtype",
                                             "torchscript",
                                             "transformers_version",
                                             "use_bfloat16",
                                             "use_cache"};
  return keys;
}

std::string transformers_dtype(c10::ScalarType dtype) {
  switch (dtype) {
    case c10::ScalarType::Float:
      return "float32";
    case c10::ScalarType::BFloat16:
      return "bfloat16";
    case c10::ScalarType::Half:
      return "float16";
    case c10::ScalarType::Double:
      return "float64";
    default:
      throw Error("[umt5_config_json] expected a floating-point dtype");
  }
}

}  // namespace

Umt5Config read_umt5_config(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  return umt5_config_from_json(read_json_file(path), path.string() + ":");
}

Umt5Config umt5_config_from_json(const Json& json, const std::string& where) {
  Umt5Config config;
  ConfigReader reader(json, where);
  config.visit(reader);
  const Json required = required_values();
  std::set<std::string> known = foreign_keys();
  for (const auto& [key, value] : required.items()) {
    known.insert(key);
    LT_CHECK(!json.contains(key) || json[key] == value, NotSupportedError, "{}: expected {}, got {}",
             detail::join_path(where, key), value.dump(), json[key].dump());
  }
  reader.refuse_unknown(known);
  config.validate(where);
  return config;
}

Json umt5_config_json(const Umt5Config& config, c10::ScalarType dtype) {
  Json json = config_to_json(config);
  const Json required = required_values();
  for (const auto& [key, value] : required.items()) json[key] = value;
  json["architectures"] = {"UMT5EncoderModel"};
  json["dropout_rate"] = 0.0;
  json["is_encoder_decoder"] = true;
  json["num_decoder_layers"] = config.num_layers;
  json["pad_token_id"] = 0;
  json["eos_token_id"] = 1;
  json["decoder_start_token_id"] = 0;
  json["scalable_attention"] = true;
  json["tie_word_embeddings"] = false;
  json["torch_dtype"] = transformers_dtype(dtype);
  json["use_cache"] = false;
  return json;
}

void write_umt5_config(const std::filesystem::path& folder, const Umt5Config& config, c10::ScalarType dtype) {
  write_json_file(folder / "config.json", umt5_config_json(config, dtype));
}

}  // namespace lintorch::umt5
