#include "lintorch/core/prefetcher.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

using lintorch::Prefetcher;

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

TEST_CASE("Prefetcher works ahead, but not further than its depth", "[prefetcher]") {
  std::atomic<int64_t> made = 0;
  Prefetcher<int64_t> items(
      [&](int64_t index) {
        ++made;
        return index;
      },
      2);
  CHECK(items.get(0) == 0);
  for (int i = 0; i < 2000 && made < 3; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(made == 3);  // the one taken, and two ahead
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(made == 3);
}

TEST_CASE("Prefetcher ends while an item is in work and others wait untaken", "[prefetcher]") {
  std::atomic<int64_t> made = 0;
  {
    Prefetcher<int64_t> items(
        [&](int64_t index) {
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
          ++made;
          return index;
        },
        8);
    items.get(0);
  }
  const int64_t at_end = made;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(made == at_end);
}
