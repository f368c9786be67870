#include "lintorch/models/umt5/tokenizer_training.h"

#include <sentencepiece_trainer.h>

#include <unordered_map>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/models/umt5/prompt_cleaning.h"

namespace lintorch::umt5 {
namespace {

class Sentences : public sentencepiece::SentenceIterator {
 public:
  explicit Sentences(std::vector<std::string> sentences) : sentences_(std::move(sentences)) {}
  bool done() const override { return next_ == sentences_.size(); }
  void Next() override { ++next_; }
  const std::string& value() const override { return sentences_[next_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> sentences_;
  size_t next_ = 0;
};

}  // namespace

void train_tokenizer(const std::vector<std::string>& sentences, int64_t vocab_size, int64_t max_length,
                     const std::filesystem::path& folder) {
  LT_CHECK(max_length >= 2, ConfigError, "[train_tokenizer] expected max_length of at least 2, got {}", max_length);
  std::vector<std::string> cleaned;
  for (const auto& sentence : sentences)
    if (std::string text = clean_prompt(sentence); !text.empty()) cleaned.push_back(std::move(text));
  LT_CHECK(!cleaned.empty(), ConfigError, "[train_tokenizer] expected sentences, got none that has text");

  const std::unordered_map<std::string, std::string> flags = {
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(vocab_size)},
      {"hard_vocab_limit", "false"},
      {"byte_fallback", "true"},
      {"normalization_rule_name", "nmt_nfkc"},
      {"character_coverage", "1.0"},
      {"pad_id", "0"},
      {"eos_id", "1"},
      {"bos_id", "2"},
      {"unk_id", "3"},
      {"pad_piece", "<pad>"},
      {"eos_piece", "</s>"},
      {"bos_piece", "<s>"},
      {"unk_piece", "<unk>"},
      // One thread and no sampling: the result depends on the sentences alone.
      {"num_threads", "1"},
      {"shuffle_input_sentence", "false"},
      {"max_sentence_length", "65536"},
      {"minloglevel", "2"}};
  Sentences iterator(std::move(cleaned));
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(flags, &iterator, &model);
  LT_CHECK(status.ok(), ConfigError, "[train_tokenizer] a vocabulary of {} cannot be trained: {}", vocab_size,
           status.ToString());

  write_file_atomic(folder / "spiece.model", model);
  const Json special_tokens = {
      {"bos_token", "<s>"}, {"eos_token", "</s>"}, {"pad_token", "<pad>"}, {"unk_token", "<unk>"}};
  write_json_file(folder / "special_tokens_map.json", special_tokens);
  Json config = special_tokens;
  config["additional_special_tokens"] = Json::array();
  config["extra_ids"] = 0;
  config["legacy"] = true;
  config["model_max_length"] = max_length;
  config["tokenizer_class"] = "T5Tokenizer";
  write_json_file(folder / "tokenizer_config.json", config);
}

}  // namespace lintorch::umt5
