#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <filesystem>

// Tests name files relative to the source folder: absolute paths in their compile commands would make every clone of
// the project compile them anew instead of taking them from ccache.
int main(int argc, char** argv) {
  std::filesystem::current_path(LINTORCH_PROJECT_ROOT);
  return Catch::Session().run(argc, argv);
}
