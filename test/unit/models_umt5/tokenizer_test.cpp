#include "lintorch/models/umt5/tokenizer.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/models/umt5/tokenizer_training.h"

using namespace lintorch;
using umt5::Tokenizer;

namespace {

std::vector<std::string> sentences() {
  std::vector<std::string> result;
  for (const char* color : {"red", "green", "blue", "yellow", "white", "purple"})
    for (const char* shape : {"circle", "square", "triangle", "star", "ring"})
      for (const char* motion : {"moves left", "moves right", "moves up", "bounces", "rotates", "grows", "shrinks"})
        result.push_back(std::string("A ") + color + " " + shape + " " + motion + " on a dark background.");
  return result;
}

struct Trained {
  std::filesystem::path path;
  explicit Trained(const char* name, int64_t max_length = 16, int64_t vocab_size = 512)
      : path(std::filesystem::temp_directory_path() / name) {
    umt5::train_tokenizer(sentences(), vocab_size, max_length, path);
  }
  ~Trained() { std::filesystem::remove_all(path); }
};

std::vector<int64_t> row(const at::Tensor& tensor, int64_t b) {
  const auto values = tensor[b].contiguous();
  return {values.data_ptr<int64_t>(), values.data_ptr<int64_t>() + values.numel()};
}

}  // namespace

TEST_CASE("a trained tokenizer appends EOS, pads with 0 and masks the padding", "[tokenizer]") {
  const Trained trained("lintorch_tokenizer_test");
  const auto tokenizer = Tokenizer::load(trained.path);
  CHECK(tokenizer.max_length() == 16);
  CHECK(tokenizer.vocab_size() > 260);
  CHECK(tokenizer.vocab_size() <= 512);
  const auto tokens = tokenizer.encode({"A red circle bounces on a dark background.", "blue star"});
  REQUIRE(tokens.ids_BS.sizes() == at::IntArrayRef{2, 16});
  REQUIRE(tokens.mask_BS.scalar_type() == torch::kInt64);
  for (int64_t b = 0; b < 2; ++b) {
    const auto ids = row(tokens.ids_BS, b), mask = row(tokens.mask_BS, b);
    const auto length = tokens.mask_BS[b].sum().item<int64_t>();
    CHECK(ids[length - 1] == 1);
    for (int64_t s = 0; s < 16; ++s) {
      CHECK(mask[s] == (s < length ? 1 : 0));
      if (s < length - 1) CHECK(ids[s] > 3);
      if (s >= length) CHECK(ids[s] == 0);
    }
  }
  CHECK(tokens.mask_BS[1].sum().item<int64_t>() < tokens.mask_BS[0].sum().item<int64_t>());
}

TEST_CASE("truncation keeps EOS as the last token, tokens are counted before it", "[tokenizer]") {
  const Trained trained("lintorch_tokenizer_truncation_test", 5);
  const auto tokenizer = Tokenizer::load(trained.path);
  const std::string prompt = "A red circle bounces on a dark background, and a blue star rotates.";
  const auto tokens = tokenizer.encode({prompt});
  const Trained longer("lintorch_tokenizer_no_truncation_test", 64);
  CHECK(tokenizer.num_tokens(prompt) == Tokenizer::load(longer.path).encode({prompt}).mask_BS.sum().item<int64_t>());
  CHECK(tokenizer.num_tokens("") == 1);
  CHECK(row(tokens.mask_BS, 0) == std::vector<int64_t>(5, 1));
  CHECK(tokens.ids_BS[0][4].item<int64_t>() == 1);
  CHECK(tokens.ids_BS[0][3].item<int64_t>() > 3);
}

TEST_CASE("prompts are cleaned, the empty one is EOS alone, unseen characters become bytes", "[tokenizer]") {
  const Trained trained("lintorch_tokenizer_cleaning_test");
  const auto tokenizer = Tokenizer::load(trained.path);
  const auto tokens = tokenizer.encode({"a&nbsp;red \n star ", "a red star", "", "  ", "猫"});
  CHECK(row(tokens.ids_BS, 0) == row(tokens.ids_BS, 1));
  const std::vector<int64_t> eos_alone = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  CHECK(row(tokens.ids_BS, 2) == eos_alone);
  CHECK(row(tokens.ids_BS, 3) == eos_alone);
  const auto bytes = row(tokens.ids_BS, 4);
  CHECK(std::count(bytes.begin(), bytes.end(), 3) == 0);  // no <unk>
  CHECK(tokens.mask_BS[4].sum().item<int64_t>() >= 4);    // three bytes and EOS
}

TEST_CASE("full-width letters are normalized to NFKC", "[tokenizer]") {
  const Trained trained("lintorch_tokenizer_nfkc_test");
  const auto tokens = Tokenizer::load(trained.path).encode({"ｒｅｄ star", "red star"});
  CHECK(row(tokens.ids_BS, 0) == row(tokens.ids_BS, 1));
}

TEST_CASE("training a tokenizer twice gives the same bytes", "[tokenizer]") {
  const Trained first("lintorch_tokenizer_first_test"), second("lintorch_tokenizer_second_test");
  CHECK(read_file(first.path / "spiece.model") == read_file(second.path / "spiece.model"));
}

TEST_CASE("SentencePiece and LibTorch work side by side in one process", "[tokenizer]") {
  const Trained trained("lintorch_tokenizer_process_test");
  const auto tokens = Tokenizer::load(trained.path).encode({"a white ring"});
  const auto table = torch::eye(600);
  const auto one_hot = torch::embedding(table, tokens.ids_BS[0]);
  CHECK(torch::equal(torch::matmul(one_hot, torch::arange(600, torch::kFloat)).to(torch::kInt64), tokens.ids_BS[0]));
}

TEST_CASE("tokenizers refuse bad prompts, files and sizes", "[tokenizer]") {
  const Trained trained("lintorch_tokenizer_errors_test");
  const auto tokenizer = Tokenizer::load(trained.path);
  CHECK_THROWS_AS(tokenizer.encode({}), Error);
  CHECK_THROWS_AS(tokenizer.encode({"fine", "caf\xe9"}), Error);
  CHECK_THROWS_AS(Tokenizer::load("no/such/folder"), IoError);

  const auto folder = trained.path;
  CHECK_THROWS_AS(umt5::train_tokenizer({}, 512, 16, folder), ConfigError);
  CHECK_THROWS_AS(umt5::train_tokenizer({" "}, 512, 16, folder), ConfigError);
  CHECK_THROWS_AS(umt5::train_tokenizer(sentences(), 512, 1, folder), ConfigError);
  CHECK_THROWS_AS(umt5::train_tokenizer(sentences(), 100, 16, folder), ConfigError);

  write_json_file(folder / "tokenizer_config.json", Json{{"model_max_length", "long"}});
  CHECK_THROWS_AS(Tokenizer::load(folder), ConfigError);
  write_file_atomic(folder / "tokenizer_config.json", "{\"model_max_length\": 1000000000000000019884624838656}");
  CHECK(Tokenizer::load(folder).max_length() == 512);
  write_file_atomic(folder / "spiece.model", "not a model");
  CHECK_THROWS_AS(Tokenizer::load(folder), ConfigError);
}
