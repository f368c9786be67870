#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "lintorch/core/prefetcher.h"
#include "lintorch/linvideo/stored_states.h"

namespace lintorch::linvideo {

/// Which stored states a micro-batch has, drawn with its generator. Called by several threads.
using DrawStates = std::function<std::vector<StateIndex>(at::Generator& generator)>;

/// The stored states of training steps. They are a function of (seed, step, micro-batch) alone, so those of the next
/// micro-batches are read by a thread of their own, into pinned memory for a GPU: training does not wait for the disk.
class StateReader {
 public:
  struct Item {
    StateBatch batch;
    double waited_seconds = 0;  ///< until the batch was in main memory
  };

  /// depth: batches ahead; 0: nothing is read ahead. store outlives this.
  StateReader(const TrajectorySource& store, DrawStates draw, int64_t depth, uint64_t seed, c10::Device device);

  /// This process reads micro-batches rank, rank + ranks, ... of the micro_batches of each step. Default: one, alone.
  void set_share(int64_t micro_batches, int64_t rank, int64_t ranks);
  /// Other states from now on.
  void reseed(uint64_t seed);

  /// The states of a micro-batch, on the device. generator: of that micro-batch, new; moves on by what the states draw.
  /// Rethrows what reading threw.
  Item read(int64_t step, int64_t micro_step, at::Generator& generator);

  /// The generator of a micro-batch.
  static at::Generator generator_of(uint64_t seed, int64_t step, int64_t micro_step);

 private:
  StateBatch read_ahead(int64_t index) const;

  const TrajectorySource& store_;
  DrawStates draw_;
  int64_t depth_;
  uint64_t seed_;
  c10::Device device_;
  int64_t micro_batches_ = 1, rank_ = 0, ranks_ = 1;
  std::unique_ptr<Prefetcher<StateBatch>>
      ahead_;  ///< made at the first read; index: this process's micro-batches in turn
};

}  // namespace lintorch::linvideo
