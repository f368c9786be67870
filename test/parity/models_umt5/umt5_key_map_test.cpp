#include "lintorch/models/umt5/key_map.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>
#include <map>

#include "lintorch/layers/module_state.h"
#include "lintorch/models/umt5/encoder.h"
#include "test/support/key_table.h"

using namespace lintorch;

// XXL has 5.7 G parameters; the same 24 layers are built here with each width replaced by a small one.
TEST_CASE("the XXL encoder registers exactly the tensors of the key list", "[umt5_key_map]") {
  auto config = umt5::umt5_xxl();
  const std::map<int64_t, int64_t> small = {{256384, config.vocab_size = 50},
                                            {4096, config.d_model = 16},
                                            {10240, config.d_ff = 24},
                                            {64, config.num_heads = 4},
                                            {32, config.relative_attention_num_buckets}};
  config.d_kv = 4;
  const umt5::Umt5Encoder encoder(config);
  layers::ShapeMap expected;
  for (const auto& row : test::key_table("umt5_xxl"))
    for (const int64_t size : row.shape) expected[row.diffusers].push_back(small.at(size));
  CHECK(expected.size() == 242);
  CHECK(layers::shapes_of(layers::module_state(*encoder)) == expected);
}
