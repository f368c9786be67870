#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lintorch::umt5 {

/// Trains a Unigram tokenizer with UMT5's conventions (byte fallback, nmt_nfkc, pad 0, eos 1, bos 2, unk 3) and writes
/// spiece.model, tokenizer_config.json and special_tokens_map.json into `folder`, which transformers can load too.
/// The vocabulary may come out smaller than vocab_size when the sentences do not have that many pieces.
/// The same sentences give the same files. max_length: tokens per prompt, EOS included.
/// Throws ConfigError for sizes that are too small or no sentences, IoError.
void train_tokenizer(const std::vector<std::string>& sentences, int64_t vocab_size, int64_t max_length,
                     const std::filesystem::path& folder);

}  // namespace lintorch::umt5
