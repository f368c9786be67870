#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "lintorch/dist/group.h"
#include "lintorch/train/parameter_layout.h"
#include "lintorch/train/trainer_config.h"

namespace lintorch::train {

/// Sums the gradients of the ranks in buckets, while the backward that makes them still runs, and shares out the update.
///
/// A bucket is a run of parameters of one group, last ones first, as a backward reaches them. Once all of them have their
/// gradient, it is copied into one flat buffer and summed: over all ranks (shard none, optimizer), or reduced and scattered
/// (shard gradients), each rank then holding 1/size() of the sums. Buckets are sent in their order, on every rank the same.
///
/// A bucket that no rank has a gradient of is not sent. How often a parameter's gradient is added to in one backward is
/// learned from the step before, because activation checkpointing adds to it once per block that uses it. What comes later
/// than that is sent once more at the end, so the sums are right in any case.
///
/// Where a step has other gradients than the one before, whole ones would pile up. With shard gradients the ranks then
/// agree, every kUnsentBuckets of them, to send what they have. Ranks may differ in their gradients with collectives that do
/// not block, as NCCL's; those of the CPU need the same gradients in the same order from the second step on.
///
/// With shard optimizer or gradients the parameters live in the flat buffers of their buckets, and each rank updates its
/// 1/size() of every one, then collects the rest from the others. Source: ZeRO (arXiv:1910.02054), stages 1 and 2.
class GradientBuckets : public ParameterLayout {
 public:
  /// Of whole gradients that are kept unsent, in buckets.
  static constexpr int64_t kUnsentBuckets = 8;

  /// Moves parameters into flat buffers where the update is sharded. groups and ranks outlive this.
  GradientBuckets(const std::vector<ParameterGroup>& groups, dist::Group& ranks, ShardKind shard, int64_t bucket_bytes);
  ~GradientBuckets() override;

  /// Before the last backward of a step: its gradients are the last that are added, and buckets may go.
  void begin_last_backward();
  /// After it: sends what is left, waits (on the device) for all sums. Gradients are then to be had by gradient().
  void finish();
  /// Forgets the sums.
  void clear();

  /// Buckets of the last step that were sent while its backward still ran.
  int64_t sent_early() const { return sent_early_; }
  /// How often the ranks had to agree during the last backward.
  int64_t agreements() const { return agreements_; }
  int64_t num_buckets() const { return static_cast<int64_t>(buckets_.size()); }

  at::Tensor values(size_t group, size_t index) const override;
  at::Tensor gradient(size_t group, size_t index) const override;
  bool has_gradient(size_t group, size_t index) const override;
  at::Tensor piece(size_t group, size_t index, const at::Tensor& whole) const override;
  std::vector<at::Tensor> whole(size_t group, const std::vector<at::Tensor>& pieces) const override;
  at::Tensor sum(const at::Tensor& scalar) const override;
  bool sharded() const override { return shard_ != ShardKind::kNone; }
  void publish(const std::vector<bool>& stepped) override;

 private:
  struct Slot {
    size_t group, index, bucket;
    int64_t offset, numel;
    int64_t calls = 0, usual_calls = 0;
    bool has_gradient = false;
  };
  struct Bucket {
    size_t group;
    std::vector<size_t> slots;
    int64_t numel = 0;         ///< padded to a multiple of the ranks
    at::Tensor values;         ///< all parameters; sharded only
    at::Tensor sums;           ///< of the gradients: all, or this rank's share
    int64_t missing = 0;       ///< gradients that usually come and have not yet
    int64_t unsent_bytes = 0;  ///< of gradients that have come
    bool sent = false;         ///< in this step; the same on all ranks
    bool usual = false;        ///< sent in the step before
    bool agreed = false;       ///< sent in this step out of its order; the same on all ranks
    bool in_order() const { return usual && !agreed; }
  };
  /// What a rank tells the others when they agree.
  struct Report {
    std::string unsent;         ///< '1' for every bucket that it would send
    bool finished;              ///< with its backward
    size_t next;                ///< bucket to send next
    std::string has_gradients;  ///< '1' for every slot with a gradient, once finished; else one '-'
    std::string text() const;
    static Report read(const std::string& text);
  };
  struct Hook;
  struct Range {
    int64_t begin, length;  ///< of the parameter, within it
  };
  Range own_range(const Slot& slot) const;
  const Slot& slot_of(size_t group, size_t index) const { return slots_[first_slot_[group] + index]; }
  void lay_out();
  at::TensorOptions options_of(const Bucket& bucket) const;
  void move_parameters();
  void on_gradient(size_t slot);
  bool has_new_gradients(const Bucket& bucket) const;
  void send_complete();
  Report report(bool finished) const;
  bool agree(bool finished);
  at::Tensor staging(const Bucket& bucket);
  void send(Bucket& bucket);

  dist::Group& ranks_;
  ShardKind shard_;
  int64_t bucket_bytes_;
  std::vector<Slot> slots_;
  std::vector<size_t> first_slot_;  ///< by group
  std::vector<Bucket> buckets_;
  bool armed_ = false;
  size_t next_ = 0;  ///< bucket to send next
  int64_t sent_early_ = 0, agreements_ = 0, unsent_bytes_ = 0;
  std::array<at::Tensor, 2> staging_;  ///< whole gradients on their way, shard gradients only; used in turn
};

}  // namespace lintorch::train
