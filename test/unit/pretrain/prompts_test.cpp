#include "lintorch/pretrain/prompts.h"

#include <catch2/catch.hpp>

#include "lintorch/core/files.h"

using namespace lintorch;
using namespace lintorch::pretrain;

TEST_CASE("make_prompts gives parseable prompts that depend on seed and index only", "[prompts]") {
  const auto prompts = make_prompts(5, 0, 200);
  const auto tail = make_prompts(5, 100, 100);
  int64_t two_objects = 0, bounces = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto parsed = judge::parse_prompt(prompts[i].prompt);
    REQUIRE(parsed);
    REQUIRE(parsed->size() == prompts[i].objects.size());
    for (size_t k = 0; k < parsed->size(); ++k) {
      CHECK((*parsed)[k].class_id == prompts[i].objects[k].class_id);
      CHECK((*parsed)[k].direction == prompts[i].objects[k].direction);
      bounces += static_cast<int64_t>((*parsed)[k].bounces.size());
    }
    two_objects += parsed->size() == 2;
    if (i >= 100) CHECK(tail[i - 100].prompt == prompts[i].prompt);
  }
  CHECK((two_objects > 70 && two_objects < 130));
  CHECK(bounces > 10);
  CHECK(make_prompt(6, 0).prompt != prompts[0].prompt);
}

TEST_CASE("write_prompts writes one prompt per line", "[prompts]") {
  const auto path = std::filesystem::temp_directory_path() / "lintorch_prompts_test.txt";
  const auto prompts = make_prompts(1, 0, 2);
  write_prompts(path, prompts);
  CHECK(read_file(path) == prompts[0].prompt + "\n" + prompts[1].prompt + "\n");
  std::filesystem::remove(path);
}
