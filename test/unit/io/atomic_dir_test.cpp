#include "lintorch/io/atomic_dir.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "test/support/temp_dir.h"

namespace fs = std::filesystem;
using lintorch::IoError;
using lintorch::io::AtomicDir;
using lintorch::io::is_complete_dir;
using lintorch::test::TempDir;

namespace {

int64_t count_entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

void write_version(const fs::path& folder, const std::string& version) {
  AtomicDir dir(folder);
  for (const char* name : {"a", "b", "sub/c"}) lintorch::write_file_atomic(dir.path() / name, version);
  dir.commit();
}

}  // namespace

TEST_CASE("a committed folder holds its files and the marker, and nothing is left beside it", "[atomic_dir]") {
  TempDir folder;
  AtomicDir dir(folder / "sub/x");
  std::ofstream(dir.path() / "a") << "1";
  CHECK_FALSE(fs::exists(folder / "sub/x"));
  dir.commit();
  CHECK(dir.path() == folder / "sub/x");
  CHECK(is_complete_dir(folder / "sub/x"));
  CHECK(lintorch::read_file(folder / "sub/x/a") == "1");
  CHECK(count_entries(folder / "sub") == 1);
  CHECK_THROWS_AS(dir.commit(), IoError);
}

TEST_CASE("a folder that is not committed vanishes", "[atomic_dir]") {
  TempDir folder;
  {
    AtomicDir dir(folder / "x");
    std::ofstream(dir.path() / "a") << "1";
  }
  CHECK(count_entries(folder.path()) == 0);
}

TEST_CASE("commit replaces a complete folder as a whole", "[atomic_dir]") {
  TempDir folder;
  write_version(folder / "x", "1");
  std::ofstream(folder / "x/old_only") << "1";
  write_version(folder / "x/", "2");
  CHECK(lintorch::read_file(folder / "x/sub/c") == "2");
  CHECK_FALSE(fs::exists(folder / "x/old_only"));
  CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("folders and files of others are not replaced", "[atomic_dir]") {
  TempDir folder;
  fs::create_directories(folder / "foreign");
  write_version(folder / "foreign", "1");  // an empty folder may be replaced
  fs::remove(folder / "foreign/DONE");
  CHECK_THROWS_AS(AtomicDir(folder / "foreign"), IoError);
  std::ofstream(folder / "file") << "1";
  CHECK_THROWS_AS(AtomicDir(folder / "file"), IoError);
  CHECK_THROWS_AS(AtomicDir(folder / "file/x"), IoError);
  CHECK_THROWS_AS(AtomicDir(""), IoError);

  AtomicDir late(folder / "late");
  fs::create_directories(folder / "late");
  std::ofstream(folder / "late/precious") << "1";
  CHECK_THROWS_AS(late.commit(), IoError);
  CHECK(fs::exists(folder / "late/precious"));
}

TEST_CASE("temporary folders of dead writers are removed, those of living ones stay", "[atomic_dir]") {
  TempDir folder;
  fs::create_directories(folder / ".y.lintorch-tmp-abcdef");
  std::ofstream(folder / ".y.lintorch-tmp-abcdef/a") << "1";
  fs::create_directories(folder / ".unrelated");
  AtomicDir living(folder / "x");
  AtomicDir other(folder / "x");
  CHECK_FALSE(fs::exists(folder / ".y.lintorch-tmp-abcdef"));
  CHECK(fs::exists(folder / ".unrelated"));
  CHECK(fs::exists(living.path()));
  CHECK(living.path() != other.path());
}

TEST_CASE("a replacement that died between its two renames is rolled back", "[atomic_dir]") {
  TempDir folder;
  write_version(folder / "x", "1");
  fs::rename(folder / "x", folder / ".x.lintorch-old");
  const AtomicDir other(folder / "y");
  CHECK(lintorch::read_file(folder / "x/a") == "1");
  fs::create_directories(folder / ".x.lintorch-old");
  const AtomicDir third(folder / "z");
  CHECK_FALSE(fs::exists(folder / ".x.lintorch-old"));
  CHECK(is_complete_dir(folder / "x"));
}

TEST_CASE("a writer killed at any moment leaves one whole version", "[atomic_dir]") {
  TempDir folder;
  write_version(folder / "x", "0");
  for (int round = 0; round < 12; ++round) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (int version = 1;; ++version) write_version(folder / "x", std::to_string(round * 1000 + version));
    }
    ::usleep(3000 + 2700 * round);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    REQUIRE(is_complete_dir(folder / "x"));
    const std::string version = lintorch::read_file(folder / "x/a");
    CHECK(lintorch::read_file(folder / "x/b") == version);
    CHECK(lintorch::read_file(folder / "x/sub/c") == version);
  }
  write_version(folder / "x", "last");
  CHECK(count_entries(folder.path()) == 1);
}
