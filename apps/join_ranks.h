#pragma once

#include <memory>
#include <string>

#include "lintorch/dist/connect.h"

namespace lintorch::apps {

/// This process's device and, if a launcher started several, its group.
struct Ranks {
  c10::Device device = c10::kCPU;
  std::unique_ptr<dist::Group> group;  ///< null for a process alone
  int size() const { return group ? group->size() : 1; }
  bool leads() const { return !group || group->rank() == 0; }
};

/// device: "auto", "cpu", "cuda" or "cuda:N"; with several ranks "auto" and "cuda" mean the GPU of the local rank. Ranks
/// other than 0 log warnings and errors only. Throws ConfigError for contradictions of launchers, or one GPU for several
/// ranks.
Ranks join_ranks(const std::string& device);

}  // namespace lintorch::apps
