#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace lintorch::umt5 {

/// Tokens of a batch of prompts, padded to one length. mask: 1 for tokens (EOS included), 0 for padding.
struct TokenBatch {
  at::Tensor ids_BS;   ///< int64
  at::Tensor mask_BS;  ///< int64
};

/// The SentencePiece Unigram tokenizer of UMT5: pad 0, eos 1, bos 2 (never used), unk 3.
class Tokenizer {
 public:
  /// Reads `folder`/spiece.model and, from tokenizer_config.json, model_max_length (512 when absent or unlimited, as Wan).
  /// Throws IoError, ConfigError.
  static Tokenizer load(const std::filesystem::path& folder);

  /// Cleans each prompt (clean_prompt), tokenizes, appends EOS, cuts to max_length (EOS stays last) and pads with 0.
  /// An empty prompt is legal: EOS alone. Throws Error for text that is not valid UTF-8, or no prompts.
  TokenBatch encode(const std::vector<std::string>& prompts) const;

  /// Tokens of a prompt, EOS included; encode cuts one with more than max_length.
  int64_t num_tokens(const std::string& prompt) const;

  /// Length S of every encoded prompt.
  int64_t max_length() const;

  /// Number of pieces in the model; a text encoder needs at least as many embeddings.
  int64_t vocab_size() const;

 private:
  class Model;
  Tokenizer(std::shared_ptr<const Model> model, int64_t max_length);
  std::shared_ptr<const Model> model_;
  int64_t max_length_;
};

}  // namespace lintorch::umt5
