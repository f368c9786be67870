#include "lintorch/linvideo/fingerprint.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using linvideo::file_crc32;
using linvideo::teacher_fingerprint;

TEST_CASE("file_crc32 is zlib's CRC-32", "[fingerprint]") {
  const test::TempDir folder;
  write_file_atomic(folder / "check", "123456789");
  CHECK(file_crc32(folder / "check") == 0xcbf43926u);
  CHECK_THROWS_AS(file_crc32(folder / "missing"), IoError);
}

TEST_CASE("the fingerprint changes with the config, with any weight, and not otherwise", "[fingerprint]") {
  const test::TempDir folder;
  const auto config = folder.path() / "transformer" / "config.json";
  const auto weights = folder.path() / "transformer" / "model.safetensors";
  write_file_atomic(config, "{}");
  write_file_atomic(weights, std::string(100'000, 'a'));
  const std::string original = teacher_fingerprint(folder.path());
  CHECK(original.size() == 16);
  CHECK(teacher_fingerprint(folder.path()) == original);

  std::string changed(100'000, 'a');
  changed[70'000] = 'b';
  write_file_atomic(weights, changed);
  CHECK(teacher_fingerprint(folder.path()) != original);
  write_file_atomic(weights, std::string(100'000, 'a'));
  CHECK(teacher_fingerprint(folder.path()) == original);
  write_file_atomic(config, "{ }");
  CHECK(teacher_fingerprint(folder.path()) != original);
}

TEST_CASE("a folder without a transformer has no fingerprint", "[fingerprint]") {
  const test::TempDir folder;
  CHECK_THROWS_WITH(teacher_fingerprint(folder.path()), Catch::Contains("no folder transformer/"));
  std::filesystem::create_directory(folder / "transformer");
  CHECK_THROWS_WITH(teacher_fingerprint(folder.path()), Catch::Contains("no .safetensors file"));
}
