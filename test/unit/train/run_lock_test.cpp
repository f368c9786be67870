#include "lintorch/train/run_lock.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "test/support/temp_dir.h"

namespace lintorch::train {
namespace {

TEST_CASE("a run folder is one training's at a time", "[run_lock]") {
  const test::TempDir folder;
  {
    const RunLock first(folder.path());
    CHECK_THROWS_WITH(RunLock(folder.path()), Catch::Contains("another process trains in " + folder.path().string()));
  }
  CHECK_NOTHROW(RunLock(folder.path()));
}

}  // namespace
}  // namespace lintorch::train
