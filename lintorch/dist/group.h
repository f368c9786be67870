#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "lintorch/dist/mesh.h"

namespace lintorch::dist {

/// The processes of a job, one device each. Every rank makes the same calls in the same order.
///
/// Collectives are queued behind what the calling thread's stream has been given, and run beside what it is given later;
/// wait() makes the stream wait for them. On the CPU they are done when they return. Tensors are dense and on the group's
/// device, of equal size on all ranks. Sums have the same bits on every rank.
class Group {
 public:
  explicit Group(std::unique_ptr<Mesh> mesh) : mesh_(std::move(mesh)) {}
  virtual ~Group() = default;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  int rank() const { return mesh_->rank(); }
  int size() const { return mesh_->size(); }

  /// values <- sum over ranks.
  virtual void all_reduce(const at::Tensor& values) = 0;
  /// shard <- sum over ranks of the rank()-th of size() equal parts of `whole`, which is left undefined.
  virtual void reduce_scatter(const at::Tensor& shard, const at::Tensor& whole) = 0;
  /// whole <- the shards of all ranks in their order. shard may be its own place in `whole`.
  virtual void all_gather(const at::Tensor& whole, const at::Tensor& shard) = 0;
  /// values <- those of `root`.
  virtual void broadcast(const at::Tensor& values, int root) = 0;
  virtual void wait() {}
  /// The same for all but the one that was queued last.
  virtual void wait_for_earlier() {}

  // On the host, without the device:

  /// The texts of all ranks, by rank.
  std::vector<std::string> gather_text(const std::string& text) { return mesh_->gather_text(text); }
  /// Whether any rank says yes.
  bool any(bool flag);
  void barrier() { mesh_->gather_text(""); }

  /// Ends the work together; without it the other ranks take the end of this process for its death.
  virtual void close() { mesh_->close(); }

 protected:
  Mesh& mesh() { return *mesh_; }

 private:
  std::unique_ptr<Mesh> mesh_;
};

}  // namespace lintorch::dist
