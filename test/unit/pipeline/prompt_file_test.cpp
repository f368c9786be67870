#include "lintorch/pipeline/prompt_file.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using pipeline::read_prompts;

namespace {

std::vector<std::string> read(const std::string& content) {
  const test::TempDir folder;
  write_file_atomic(folder / "prompts.txt", content);
  return read_prompts(folder / "prompts.txt");
}

}  // namespace

TEST_CASE("prompts are read one per line, without blanks and comments", "[prompt_file]") {
  CHECK(read("a cat\n\n  # a comment\n  a dog  \r\n\t\nün chat") ==
        std::vector<std::string>{"a cat", "a dog", "ün chat"});
  CHECK(read("\xef\xbb\xbf"
             "first\n") == std::vector<std::string>{"first"});
}

TEST_CASE("a prompts file that cannot be used is refused with its name and line", "[prompt_file]") {
  CHECK_THROWS_AS(read_prompts("/no/such/prompts.txt"), IoError);
  CHECK_THROWS_WITH(read(""), Catch::Contains("prompts.txt") && Catch::Contains("no prompt"));
  CHECK_THROWS_WITH(read("# only\n\n"), Catch::Contains("no prompt"));
  CHECK_THROWS_WITH(read("fine\nbroken \xff here\n"), Catch::Contains("prompts.txt:2") && Catch::Contains("0xff"));
  CHECK_THROWS_WITH(read("cut \xe2\x82"), Catch::Contains(":1:") && Catch::Contains("UTF-8"));
  CHECK_THROWS_WITH(read("overlong \xc0\xaf"), Catch::Contains("0xc0"));
  CHECK_THROWS_WITH(read("surrogate \xed\xa0\x80"), Catch::Contains("0xed"));
  CHECK_THROWS_WITH(read(std::string("a\0b", 3)), Catch::Contains("control character 0x00"));
}
