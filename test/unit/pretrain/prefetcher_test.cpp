#include "lintorch/pretrain/prefetcher.h"

#include <catch2/catch.hpp>

#include <stdexcept>

using lintorch::pretrain::Prefetcher;

TEST_CASE("Prefetcher gives the item of every index, also after a jump", "[prefetcher]") {
  Prefetcher<int64_t> items([](int64_t index) { return index * index; });
  for (int64_t i = 0; i < 50; ++i) REQUIRE(items.get(i) == i * i);
  for (int64_t i = 1000; i < 1010; ++i) REQUIRE(items.get(i) == i * i);
  for (int64_t i = 3; i < 10; ++i) REQUIRE(items.get(i) == i * i);
}

TEST_CASE("Prefetcher rethrows where the failing item is asked for", "[prefetcher]") {
  Prefetcher<int64_t> items([](int64_t index) {
    if (index == 2) throw std::runtime_error("no item 2");
    return index;
  });
  CHECK(items.get(0) == 0);
  CHECK(items.get(1) == 1);
  CHECK_THROWS_WITH(items.get(2), "no item 2");
  CHECK(items.get(5) == 5);
}
