#include "lintorch/io/key_map.h"

#include <catch2/catch.hpp>

#include <stdexcept>

#include "lintorch/core/error.h"

using lintorch::CheckpointError;
using lintorch::io::KeyMap;

namespace {

const KeyMap& example_map() {
  static const KeyMap map{{"blocks.{}.norm3", "blocks.{}.norm2"},
                          {"blocks.{}.norm2", "blocks.{}.norm3"},
                          {"blocks.{}.self_attn.o", "blocks.{}.attn1.to_out.0"},
                          {"up.{}.res.{}", "stages.{}.layers.{}"},
                          {"head", "out"},
                          {"head.modulation", "scale_shift_table"}};
  return map;
}

}  // namespace

TEST_CASE("names are rewritten in both directions with their indices and endings", "[key_map]") {
  const KeyMap& map = example_map();
  CHECK(map.forward("blocks.11.self_attn.o.weight") == "blocks.11.attn1.to_out.0.weight");
  CHECK(map.backward("blocks.11.attn1.to_out.0.weight") == "blocks.11.self_attn.o.weight");
  CHECK(map.forward("up.1.res.20.conv.bias") == "stages.1.layers.20.conv.bias");
  CHECK(map.backward("stages.1.layers.20") == "up.1.res.20");
}

TEST_CASE("a swap of two names is one rewrite", "[key_map]") {
  CHECK(example_map().forward("blocks.0.norm3.weight") == "blocks.0.norm2.weight");
  CHECK(example_map().forward("blocks.0.norm2.weight") == "blocks.0.norm3.weight");
}

TEST_CASE("the pattern with most components wins, then the most literal one", "[key_map]") {
  CHECK(example_map().forward("head.modulation") == "scale_shift_table");
  CHECK(example_map().forward("head.weight") == "out.weight");
  const KeyMap map{{"a.{}", "general.{}"}, {"a.0", "special"}};
  CHECK(map.forward("a.0.w") == "special.w");
  CHECK(map.forward("a.1.w") == "general.1.w");
}

TEST_CASE("components match whole, and unknown names have no image", "[key_map]") {
  CHECK_FALSE(example_map().forward("blocks.0.norm33").has_value());
  CHECK_FALSE(example_map().forward("header").has_value());
  CHECK_FALSE(example_map().forward("blocks.0").has_value());
  CHECK_FALSE(example_map().backward("nothing").has_value());
}

TEST_CASE("check_bijection names what is lost, shared or changed", "[key_map]") {
  CHECK_NOTHROW(example_map().check_bijection({"blocks.0.norm3.weight", "blocks.0.norm2.weight", "head.modulation"}));
  CHECK_THROWS_WITH(example_map().check_bijection({"tail"}), Catch::Contains("'tail'"));
  CHECK_THROWS_AS(example_map().check_bijection({"tail"}), CheckpointError);
  const KeyMap collision{{"a", "x"}, {"b", "x.y"}};
  CHECK_THROWS_WITH(collision.check_bijection({"b", "a.y"}), Catch::Contains("both become 'x.y'"));
  CHECK_THROWS_WITH(collision.check_bijection({"a.y"}), Catch::Contains("comes back as 'b'"));
}

TEST_CASE("tables that cannot be inverted are refused", "[key_map]") {
  CHECK_THROWS_AS((KeyMap{{"a", "x"}, {"a", "y"}}), std::invalid_argument);
  CHECK_THROWS_AS((KeyMap{{"a", "x"}, {"b", "x"}}), std::invalid_argument);
  CHECK_THROWS_AS((KeyMap{{"a.{}", "x"}, {"b", "y"}}), std::invalid_argument);
}
