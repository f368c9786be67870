#include "lintorch/models/judge/motion_prompt.h"

#include <catch2/catch.hpp>

#include <set>

#include "lintorch/core/error.h"

using namespace lintorch;
using namespace lintorch::judge;

TEST_CASE("parse_prompt inverts describe_motion for every class, direction, speed and bounce", "[motion_prompt]") {
  uint64_t variation = 0;
  for (int64_t class_id = 0; class_id < kNumClasses; ++class_id) {
    for (int64_t direction = 0; direction < kNumDirections; ++direction) {
      for (const Speed speed : {Speed::kSlow, Speed::kMedium, Speed::kFast}) {
        for (int bounce = -1; bounce < 4; ++bounce) {
          ObjectMotion first{class_id, direction, speed, {}};
          if (bounce >= 0) first.bounces.push_back(static_cast<Edge>(bounce));
          const ObjectMotion second{(class_id + 3) % kNumClasses, (direction + 5) % kNumDirections, Speed::kFast, {}};
          for (const auto& objects : {std::vector{first}, std::vector{first, second}, std::vector{second, first}}) {
            const std::string text = describe_motion(objects, variation++);
            INFO(text);
            const auto parsed = parse_prompt(text);
            REQUIRE(parsed);
            REQUIRE(parsed->size() == objects.size());
            for (size_t i = 0; i < objects.size(); ++i) {
              REQUIRE((*parsed)[i].class_id == objects[i].class_id);
              REQUIRE((*parsed)[i].direction == objects[i].direction);
              REQUIRE((*parsed)[i].speed == objects[i].speed);
              REQUIRE(((*parsed)[i].bounces == objects[i].bounces));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("describe_motion words the same motion in many ways", "[motion_prompt]") {
  std::set<std::string> texts;
  for (uint64_t variation = 0; variation < 200; ++variation) {
    texts.insert(describe_motion({{7, 3, Speed::kSlow, {}}, {8, 0, Speed::kMedium, {}}}, variation));
  }
  CHECK(texts.size() > 50);
  CHECK(describe_motion({{7, 3, Speed::kSlow, {}}}, 4) == describe_motion({{7, 3, Speed::kSlow, {}}}, 4));
}

TEST_CASE("parse_prompt reads a plain sentence and refuses other text", "[motion_prompt]") {
  const auto parsed = parse_prompt("a SNEAKER drifts up and left while a bag moves right");
  REQUIRE(parsed);
  REQUIRE(parsed->size() == 2);
  CHECK((*parsed)[0].class_id == 7);
  CHECK((*parsed)[0].direction == 3);
  CHECK((*parsed)[1].class_id == 8);
  CHECK((*parsed)[1].direction == 0);
  for (const auto* text : {"", "A cat moves left.", "A sneaker moves.", "A sneaker moves left while", "A bag left.",
                           "A sneaker moves left a bag moves right.", "While a sneaker moves left.",
                           "A bag moves left and bounces off the moon."}) {
    INFO(text);
    CHECK_FALSE(parse_prompt(text));
  }
}

TEST_CASE("describe_motion refuses what it has no words for", "[motion_prompt]") {
  CHECK_THROWS_AS(describe_motion({}, 0), Error);
  CHECK_THROWS_AS(describe_motion({{10, 0, Speed::kSlow, {}}}, 0), Error);
  CHECK_THROWS_AS(describe_motion({{0, 8, Speed::kSlow, {}}}, 0), Error);
}
