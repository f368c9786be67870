#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "lintorch/core/files.h"

namespace lintorch::test {

struct AppResult {
  int exit_code;       ///< 128 + signal if a signal ended it
  std::string output;  ///< stdout and stderr
};

/// Runs lintorch-<name> with arguments (shell syntax) on one thread, e.g. run_app("export", "--set output=x").
/// `prefix` goes in front of the command, e.g. "timeout -s KILL 1".
inline AppResult run_app(const std::string& name, const std::string& arguments, const std::filesystem::path& scratch,
                         const std::string& prefix = "") {
  const auto log = scratch / ("log_" + name + ".txt");
  const std::string command = "OMP_NUM_THREADS=1 " + prefix + " " + LINTORCH_APPS_DIR + "/lintorch-" + name + " " +
                              arguments + " > " + log.string() + " 2>&1";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(log)};
}

}  // namespace lintorch::test
