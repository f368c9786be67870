#include "lintorch/train/gradient_buckets.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

#include "lintorch/core/error.h"

namespace lintorch::train {

namespace {

constexpr int64_t kAlign = 64;  // values; kernels read parameters in wide words

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

}  // namespace

struct GradientBuckets::Hook : torch::autograd::PostAccumulateGradHook {
  Hook(GradientBuckets* owner, size_t slot) : owner(owner), slot(slot) {}
  void operator()(const torch::autograd::Variable&) override { owner->on_gradient(slot); }
  GradientBuckets* owner;
  size_t slot;
};

GradientBuckets::GradientBuckets(const std::vector<ParameterGroup>& groups, dist::Group& ranks, ShardKind shard,
                                 int64_t bucket_bytes)
    : ParameterLayout(groups), ranks_(ranks), shard_(shard), bucket_bytes_(bucket_bytes) {
  lay_out();
  if (sharded()) move_parameters();
  for (size_t s = 0; s < slots_.size(); ++s)
    torch::autograd::impl::set_post_acc_grad_hooks(parameter(slots_[s].group, slots_[s].index),
                                                   std::make_unique<Hook>(this, s));
}

GradientBuckets::~GradientBuckets() {
  for (const auto& slot : slots_)
    torch::autograd::impl::set_post_acc_grad_hooks(parameter(slot.group, slot.index), nullptr);
}

void GradientBuckets::lay_out() {
  for (size_t g = 0; g < groups_.size(); ++g) {
    first_slot_.push_back(slots_.size());
    for (size_t i = 0; i < groups_[g].parameters.size(); ++i)
      slots_.push_back({.group = g, .index = i, .bucket = 0, .offset = 0, .numel = parameter(g, i).numel()});
  }
  for (size_t g = 0; g < groups_.size(); ++g) {
    Bucket bucket{.group = g};
    const auto flush = [&] {
      if (bucket.slots.empty()) return;
      bucket.numel = round_up(bucket.numel, ranks_.size() * kAlign);
      buckets_.push_back(std::exchange(bucket, Bucket{.group = g}));
    };
    for (size_t i = groups_[g].parameters.size(); i-- > 0;) {
      const at::Tensor& values = parameter(g, i);
      const size_t s = first_slot_[g] + i;
      const bool other_dtype = !bucket.slots.empty() &&
                               parameter(g, slots_[bucket.slots.front()].index).scalar_type() != values.scalar_type();
      if (other_dtype || bucket.numel * static_cast<int64_t>(values.element_size()) >= bucket_bytes_) flush();
      slots_[s].bucket = buckets_.size();
      slots_[s].offset = bucket.numel;
      bucket.numel = round_up(bucket.numel + values.numel(), kAlign);
      bucket.slots.push_back(s);
    }
    flush();
  }
}

at::TensorOptions GradientBuckets::options_of(const Bucket& bucket) const {
  return parameter(bucket.group, slots_[bucket.slots.front()].index).options().requires_grad(false);
}

void GradientBuckets::move_parameters() {
  const c10::NoGradGuard no_grad;
  for (auto& bucket : buckets_) {
    bucket.values = at::zeros({bucket.numel}, options_of(bucket));
    for (const size_t s : bucket.slots) {
      at::Tensor value = parameter(slots_[s].group, slots_[s].index);
      const at::Tensor place = bucket.values.narrow(0, slots_[s].offset, slots_[s].numel).view(value.sizes());
      place.copy_(value);
      value.set_data(place);
    }
  }
}

void GradientBuckets::begin_last_backward() {
  for (auto& bucket : buckets_) {
    bucket.missing = 0;
    bucket.usual = std::exchange(bucket.sent, false);
    bucket.agreed = false;
    for (const size_t s : bucket.slots) {
      slots_[s].calls = 0;
      bucket.missing += slots_[s].usual_calls > 0;
    }
  }
  next_ = 0;
  sent_early_ = agreements_ = 0;
  armed_ = true;
}

void GradientBuckets::on_gradient(size_t s) {
  if (!armed_) return;
  Slot& slot = slots_[s];
  Bucket& bucket = buckets_[slot.bucket];
  if (++slot.calls != std::max<int64_t>(1, slot.usual_calls)) return;
  const auto bytes = slot.numel * static_cast<int64_t>(parameter(slot.group, slot.index).element_size());
  bucket.unsent_bytes += bytes;
  unsent_bytes_ += bytes;
  if (slot.usual_calls > 0) {
    --bucket.missing;
    send_complete();
  }
  if (shard_ == ShardKind::kGradients && unsent_bytes_ >= kUnsentBuckets * bucket_bytes_) {
    agree(false);
    ++agreements_;
  }
}

void GradientBuckets::send_complete() {
  for (; next_ < buckets_.size(); ++next_) {
    Bucket& bucket = buckets_[next_];
    if (!bucket.in_order()) continue;
    if (bucket.missing > 0) return;
    send(bucket);
    ++sent_early_;
  }
}

std::string GradientBuckets::Report::text() const {
  return fmt::format("{} {:d} {} {}", unsent, finished, next, has_gradients);
}

GradientBuckets::Report GradientBuckets::Report::read(const std::string& text) {
  Report report{};
  std::istringstream(text) >> report.unsent >> report.finished >> report.next >> report.has_gradients;
  return report;
}

GradientBuckets::Report GradientBuckets::report(bool finished) const {
  Report report{.unsent = {}, .finished = finished, .next = next_, .has_gradients = finished ? "" : "-"};
  // Within the backward only what is complete: what other blocks still add to would go once for each of them.
  for (const auto& bucket : buckets_)
    report.unsent += (finished ? has_new_gradients(bucket) : bucket.unsent_bytes > 0) ? '1' : '0';
  if (finished)
    for (const auto& slot : slots_)
      report.has_gradients += slot.has_gradient || parameter(slot.group, slot.index).grad().defined() ? '1' : '0';
  return report;
}

/// Sends what any rank has not sent yet, after bringing all to the same place in the order. Whether all were through with
/// their backward.
bool GradientBuckets::agree(bool finished) {
  std::vector<Report> all;
  for (const auto& text : ranks_.gather_text(report(finished).text())) all.push_back(Report::read(text));
  size_t most = 0;
  for (const auto& other : all) most = std::max(most, other.next);
  for (; next_ < most; ++next_)
    if (buckets_[next_].in_order()) send(buckets_[next_]);
  std::vector<size_t> unsent;
  for (size_t b = 0; b < buckets_.size(); ++b) {
    const auto says_so = [&](const Report& other) {
      const bool went_just_now = b >= other.next && b < most && buckets_[b].in_order();
      return other.unsent[b] == '1' && !went_just_now;
    };
    if (std::any_of(all.begin(), all.end(), says_so)) unsent.push_back(b);
  }
  for (const size_t b : unsent) {
    send(buckets_[b]);
    buckets_[b].agreed = true;
  }
  if (!std::all_of(all.begin(), all.end(), [](const Report& other) { return other.finished; })) return false;
  // A parameter steps on all ranks or on none.
  for (const auto& other : all)
    for (size_t s = 0; s < slots_.size(); ++s) slots_[s].has_gradient |= other.has_gradients[s] == '1';
  return true;
}

// Two buffers, not one per bucket: the host runs ahead of the device, and memory that a collective still reads cannot be
// used again before the host has seen it end.
at::Tensor GradientBuckets::staging(const Bucket& bucket) {
  ranks_.wait_for_earlier();
  std::swap(staging_[0], staging_[1]);
  at::Tensor& buffer = staging_[0];
  const at::TensorOptions options = options_of(bucket);
  if (!buffer.defined() || buffer.dtype() != options.dtype()) {
    int64_t largest = 0;
    for (const auto& other : buckets_) largest = std::max(largest, other.numel);
    buffer = at::empty({largest}, options);
  }
  return buffer.narrow(0, 0, bucket.numel).zero_();
}

bool GradientBuckets::has_new_gradients(const Bucket& bucket) const {
  return std::any_of(bucket.slots.begin(), bucket.slots.end(),
                     [&](size_t s) { return parameter(slots_[s].group, slots_[s].index).grad().defined(); });
}

// Takes the gradients out of the parameters and adds their sum over the ranks to the bucket's.
void GradientBuckets::send(Bucket& bucket) {
  const c10::NoGradGuard no_grad;
  const at::Tensor flat =
      shard_ == ShardKind::kGradients ? staging(bucket) : at::zeros({bucket.numel}, options_of(bucket));
  for (const size_t s : bucket.slots) {
    Slot& slot = slots_[s];
    at::Tensor value = parameter(slot.group, slot.index);
    if (!value.grad().defined()) continue;
    flat.narrow(0, slot.offset, slot.numel).copy_(value.grad().reshape({-1}));
    value.mutable_grad().reset();
    slot.has_gradient = true;
  }
  at::Tensor sums = flat;
  if (shard_ == ShardKind::kGradients) {
    sums = at::empty({bucket.numel / ranks_.size()}, flat.options());
    ranks_.reduce_scatter(sums, flat);
  } else {
    ranks_.all_reduce(flat);
  }
  if (bucket.sums.defined()) {
    ranks_.wait();
    bucket.sums.add_(sums);
  } else {
    bucket.sums = sums;
  }
  bucket.sent = true;
  unsent_bytes_ -= std::exchange(bucket.unsent_bytes, 0);
}

void GradientBuckets::finish() {
  armed_ = false;
  while (!agree(true)) {
  }
  for (auto& slot : slots_) slot.usual_calls = slot.calls;
  ranks_.wait();
}

void GradientBuckets::clear() {
  for (auto& bucket : buckets_) bucket.sums.reset();
  for (auto& slot : slots_) slot.has_gradient = false;
}

GradientBuckets::Range GradientBuckets::own_range(const Slot& slot) const {
  const int64_t share = buckets_[slot.bucket].numel / ranks_.size();
  const int64_t begin = std::max(slot.offset, share * ranks_.rank());
  const int64_t end = std::min(slot.offset + slot.numel, share * (ranks_.rank() + 1));
  return {begin - slot.offset, std::max<int64_t>(0, end - begin)};
}

at::Tensor GradientBuckets::values(size_t group, size_t index) const {
  return piece(group, index, parameter(group, index));
}

at::Tensor GradientBuckets::piece(size_t group, size_t index, const at::Tensor& whole) const {
  if (!sharded()) return whole;
  const Range own = own_range(slot_of(group, index));
  if (own.length == 0) return {};
  return whole.detach().reshape({-1}).narrow(0, own.begin, own.length);
}

bool GradientBuckets::has_gradient(size_t group, size_t index) const { return slot_of(group, index).has_gradient; }

at::Tensor GradientBuckets::gradient(size_t group, size_t index) const {
  const Slot& slot = slot_of(group, index);
  const Bucket& bucket = buckets_[slot.bucket];
  if (!slot.has_gradient) return {};
  if (!sharded()) return bucket.sums.narrow(0, slot.offset, slot.numel).view(parameter(group, index).sizes());
  const Range own = own_range(slot);
  if (own.length == 0) return {};
  const int64_t begin = slot.offset + own.begin;
  const int64_t before = shard_ == ShardKind::kGradients ? bucket.numel / ranks_.size() * ranks_.rank() : 0;
  return bucket.sums.narrow(0, begin - before, own.length);
}

std::vector<at::Tensor> GradientBuckets::whole(size_t group, const std::vector<at::Tensor>& pieces) const {
  if (!sharded()) return pieces;
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> result(pieces.size());
  for (const auto& bucket : buckets_) {
    if (bucket.group != group) continue;
    // One bucket at a time, and then to the host: the whole may be more than a device holds.
    const at::Tensor flat = at::zeros({bucket.numel}, bucket.values.options());
    const int64_t share = bucket.numel / ranks_.size();
    for (const size_t s : bucket.slots) {
      const Range own = own_range(slots_[s]);
      if (own.length > 0)
        flat.narrow(0, slots_[s].offset + own.begin, own.length).copy_(pieces[slots_[s].index].reshape({-1}));
    }
    ranks_.all_gather(flat, flat.narrow(0, share * ranks_.rank(), share));
    ranks_.wait();
    if (ranks_.rank() != 0) continue;
    const at::Tensor on_host = flat.cpu();
    for (const size_t s : bucket.slots) {
      const Slot& slot = slots_[s];
      result[slot.index] = on_host.narrow(0, slot.offset, slot.numel).view(parameter(slot.group, slot.index).sizes());
    }
  }
  return result;
}

at::Tensor GradientBuckets::sum(const at::Tensor& scalar) const {
  const at::Tensor total = scalar.detach().clone();
  ranks_.all_reduce(total);
  ranks_.wait();
  return total;
}

void GradientBuckets::publish(const std::vector<bool>& stepped) {
  if (!sharded()) return;
  const c10::NoGradGuard no_grad;
  for (const auto& bucket : buckets_) {
    if (!stepped[bucket.group]) continue;
    const int64_t share = bucket.numel / ranks_.size();
    ranks_.all_gather(bucket.values, bucket.values.narrow(0, share * ranks_.rank(), share));
  }
  ranks_.wait();
}

}  // namespace lintorch::train
