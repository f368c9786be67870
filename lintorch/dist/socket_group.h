#pragma once

#include "lintorch/dist/group.h"

namespace lintorch::dist {

/// Collectives on CPU tensors over the mesh itself: each rank sums its part of the values in the order of ranks, and sends
/// the sum to the others. For tests and small models; every byte crosses the network once or twice.
class SocketGroup : public Group {
 public:
  using Group::Group;
  void all_reduce(const at::Tensor& values) override;
  void reduce_scatter(const at::Tensor& shard, const at::Tensor& whole) override;
  void all_gather(const at::Tensor& whole, const at::Tensor& shard) override;
  void broadcast(const at::Tensor& values, int root) override;

 private:
  at::Tensor sum_part(const std::vector<at::Tensor>& parts);
  void share(const std::vector<at::Tensor>& parts);
};

}  // namespace lintorch::dist
