#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "lintorch/dist/rendezvous.h"

namespace lintorch::dist {

/// A TCP connection from each process of a job to each other. Carries what ranks agree on, and all data where there is no
/// GPU. A process that dies closes its connections, and a machine that dies stops answering (TCP keep-alive, about 30 s):
/// either way the others know which rank it was.
class Mesh {
 public:
  /// Meets the other ranks and connects. Throws Error if some do not come in time.
  Mesh(const Launch& launch, Rendezvous& rendezvous, std::chrono::seconds timeout);
  ~Mesh();
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  int rank() const { return rank_; }
  int size() const { return static_cast<int>(peers_.size()); }

  /// Sends send[r] to each rank r and fills receive[r] from it, all at the same time; both sides know the sizes. The own
  /// entries are left alone. Throws Error naming a rank that has ended or is silent for too long.
  void exchange(const std::vector<std::span<const std::byte>>& send, const std::vector<std::span<std::byte>>& receive);

  /// The texts of all ranks, by rank.
  std::vector<std::string> gather_text(const std::string& text);

  /// From now on a thread ends this process, with a message that names the rank, once another one is gone: a GPU that waits
  /// for a dead rank would wait for ever.
  void watch();

  /// Says goodbye, so that the others do not take the end of this process for its death. Waits for all ranks.
  void close();

 private:
  struct Peer {
    int fd = -1;
    std::string name;  // "rank 2 (host, pid 17)"
  };
  [[noreturn]] void lost(int rank, const std::string& how) const;
  void stop_watching();

  int rank_;
  std::chrono::seconds timeout_;
  std::vector<Peer> peers_;
  std::atomic<bool> watching_{false};
  std::thread watcher_;
};

}  // namespace lintorch::dist
