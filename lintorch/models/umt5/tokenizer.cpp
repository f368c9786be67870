#include "lintorch/models/umt5/tokenizer.h"

#include <ATen/ops/zeros.h>

#include <sentencepiece_processor.h>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/models/umt5/prompt_cleaning.h"

namespace lintorch::umt5 {
namespace {

constexpr int kPadId = 0, kEosId = 1;
constexpr int64_t kWanLength = 512;
// transformers writes 1e30 for "no limit".
constexpr double kUnlimited = 1e6;

int64_t read_max_length(const std::filesystem::path& path) {
  const Json json = read_json_file(path);
  LT_CHECK(json.is_object(), ConfigError, "{}: expected an object", path.string());
  const auto entry = json.find("model_max_length");
  if (entry == json.end() || entry->is_null()) return kWanLength;
  LT_CHECK(entry->is_number() && entry->get<double>() >= 1, ConfigError,
           "{}: model_max_length: expected a positive number, got {}", path.string(), entry->dump());
  return entry->get<double>() > kUnlimited ? kWanLength : entry->get<int64_t>();
}

}  // namespace

class Tokenizer::Model {
 public:
  explicit Model(const std::filesystem::path& path) {
    const auto status = processor_.LoadFromSerializedProto(read_file(path));
    LT_CHECK(status.ok(), ConfigError, "[Tokenizer] {} is not a SentencePiece model: {}", path.string(),
             status.ToString());
    LT_CHECK(processor_.pad_id() == kPadId && processor_.eos_id() == kEosId, ConfigError,
             "[Tokenizer] {}: expected pad id 0 and eos id 1 (UMT5), got {} and {}", path.string(), processor_.pad_id(),
             processor_.eos_id());
  }

  std::vector<int> encode(const std::string& text) const {
    std::vector<int> ids;
    const auto status = processor_.Encode(text, &ids);
    LT_CHECK(status.ok(), Error, "[Tokenizer::encode] {}", status.ToString());
    return ids;
  }

  int64_t vocab_size() const { return processor_.GetPieceSize(); }

 private:
  sentencepiece::SentencePieceProcessor processor_;
};

Tokenizer::Tokenizer(std::shared_ptr<const Model> model, int64_t max_length)
    : model_(std::move(model)), max_length_(max_length) {}

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  const int64_t max_length = read_max_length(folder / "tokenizer_config.json");
  return Tokenizer(std::make_shared<const Model>(folder / "spiece.model"), max_length);
}

int64_t Tokenizer::num_tokens(const std::string& prompt) const {
  return static_cast<int64_t>(model_->encode(clean_prompt(prompt)).size()) + 1;
}

int64_t Tokenizer::max_length() const { return max_length_; }

int64_t Tokenizer::vocab_size() const { return model_->vocab_size(); }

TokenBatch Tokenizer::encode(const std::vector<std::string>& prompts) const {
  LT_CHECK(!prompts.empty(), Error, "[Tokenizer::encode] expected at least one prompt");
  const auto batch = static_cast<int64_t>(prompts.size());
  TokenBatch tokens{at::zeros({batch, max_length_}, at::kLong), at::zeros({batch, max_length_}, at::kLong)};
  for (int64_t b = 0; b < batch; ++b) {
    std::vector<int> ids = model_->encode(clean_prompt(prompts[b]));
    if (static_cast<int64_t>(ids.size()) >= max_length_) ids.resize(max_length_ - 1);
    ids.push_back(kEosId);
    int64_t* row = tokens.ids_BS.data_ptr<int64_t>() + b * max_length_;
    int64_t* mask = tokens.mask_BS.data_ptr<int64_t>() + b * max_length_;
    std::copy(ids.begin(), ids.end(), row);
    std::fill_n(mask, ids.size(), 1);
  }
  return tokens;
}

}  // namespace lintorch::umt5
