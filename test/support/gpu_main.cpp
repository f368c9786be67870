// The GPU tier: skipped (exit code 77) where no CUDA device can be used.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <cstdio>

#include "lintorch/core/device.h"
#include "lintorch/core/error.h"

int main(int argc, char** argv) {
  try {
    lintorch::resolve_device("cuda");
  } catch (const lintorch::NotSupportedError& e) {
    std::fprintf(stderr, "skipped: %s\n", e.what());
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
