#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "lintorch/dist/launch.h"

namespace lintorch::dist {

/// Where the processes of a job leave each other notes until they are connected: LibTorch's TCPStore, kept by rank 0 or by
/// torchrun's agent.
class Rendezvous {
 public:
  /// Throws Error naming address and port if the store cannot be reached in time.
  Rendezvous(const Launch& launch, std::chrono::seconds timeout);
  ~Rendezvous();

  void set(const std::string& key, const std::string& value);
  /// Waits for the key. Throws Error if it does not come in time.
  std::string get(const std::string& key);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lintorch::dist
