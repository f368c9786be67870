#include "lintorch/models/umt5/key_map.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "lintorch/layers/module_state.h"
#include "lintorch/models/umt5/encoder.h"

using namespace lintorch;

namespace {

struct Key {
  std::string official, transformers, shape;
};

std::vector<Key> key_list() {
  std::ifstream file(LINTORCH_TEST_DATA "/umt5_keys.tsv");
  std::vector<Key> keys;
  std::string line;
  std::getline(file, line);  // header
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    Key key;
    columns >> key.official >> key.transformers >> key.shape;
    keys.push_back(key);
  }
  return keys;
}

}  // namespace

TEST_CASE("official names map to transformers' names and back on the whole key list", "[umt5_key_map]") {
  const auto keys = key_list();
  REQUIRE(keys.size() == 242);
  std::vector<std::string> official;
  for (const auto& key : keys) {
    CAPTURE(key.official);
    CHECK(umt5::umt5_key_map().forward(key.official) == key.transformers);
    CHECK(umt5::umt5_key_map().backward(key.transformers) == key.official);
    official.push_back(key.official);
  }
  CHECK_NOTHROW(umt5::umt5_key_map().check_bijection(official));
}

// XXL has 5.7 G parameters; the same 24 layers are built here with each width replaced by a small one.
TEST_CASE("the XXL encoder registers exactly the tensors of the key list", "[umt5_key_map]") {
  auto config = umt5::umt5_xxl();
  const std::map<std::string, int64_t> small = {{"256384", config.vocab_size = 50},
                                                {"4096", config.d_model = 16},
                                                {"10240", config.d_ff = 24},
                                                {"64", config.num_heads = 4},
                                                {"32", config.relative_attention_num_buckets}};
  config.d_kv = 4;
  const umt5::Umt5Encoder encoder(config);
  const auto state = layers::module_state(*encoder);
  const auto keys = key_list();
  CHECK(state.size() == keys.size());
  for (const auto& key : keys) {
    CAPTURE(key.transformers, key.shape);
    const auto found = state.find(key.transformers);
    REQUIRE(found != state.end());
    std::vector<int64_t> shape;
    std::istringstream sizes(key.shape);
    for (std::string size; std::getline(sizes, size, 'x');) shape.push_back(small.at(size));
    CHECK(found->second.sizes().vec() == shape);
  }
}
