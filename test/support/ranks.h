#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lintorch/core/files.h"

namespace lintorch::test {

/// A port that was free a moment ago.
inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  socklen_t length = sizeof any;
  ::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&any), &length);
  ::close(fd);
  return ntohs(any.sin_port);
}

/// Starts this test program once per rank, each with a hidden test case and torchrun's variables; their output goes to
/// `folder`/rank_<r>.txt.
inline std::vector<pid_t> start_ranks(int ranks, const std::string& hidden_tag, const std::filesystem::path& folder,
                                      const std::map<std::string, std::string>& environment = {}) {
  const std::string port = std::to_string(free_port());
  std::vector<pid_t> children;
  for (int rank = 0; rank < ranks; ++rank) {
    const auto log = (folder / ("rank_" + std::to_string(rank) + ".txt")).string();
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("RANK", std::to_string(rank).c_str(), 1);
      ::setenv("WORLD_SIZE", std::to_string(ranks).c_str(), 1);
      ::setenv("LOCAL_RANK", std::to_string(rank).c_str(), 1);
      ::setenv("MASTER_ADDR", "127.0.0.1", 1);
      ::setenv("MASTER_PORT", port.c_str(), 1);
      ::setenv("OMP_NUM_THREADS", "1", 1);
      for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
      if (::freopen(log.c_str(), "w", stdout) == nullptr) ::_exit(125);
      ::dup2(::fileno(stdout), 2);
      ::execl("/proc/self/exe", "rank", hidden_tag.c_str(), nullptr);
      ::_exit(126);
    }
    children.push_back(child);
  }
  return children;
}

/// Exit codes, 128 + signal for a process that a signal ended.
inline std::vector<int> wait_for_ranks(const std::vector<pid_t>& children) {
  std::vector<int> codes;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    codes.push_back(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
  return codes;
}

inline std::string rank_output(const std::filesystem::path& folder, int rank) {
  return read_file(folder / ("rank_" + std::to_string(rank) + ".txt"));
}

}  // namespace lintorch::test
